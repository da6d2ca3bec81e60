"""IBM's own client and its device, on a service on loopback."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.api.exceptions import RequestsApiError

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.backends import PrimitiveBackend, Registry, jobs
from quantumflow_lab.backends.adapters import adapter_for
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.emulate.faults import Habits, Trouble
from quantumflow_lab.emulate.ibm import INSTANCE, NAME, Service, service
from quantumflow_lab.errors import BackendFailed, JobCancelled, JobUnanswered
from quantumflow_lab.ports import Fault, JobRequest, Member, MemberDone, MemberFailed

pytestmark = [
    # The client's: a class that it replaces, and its account on a service without TLS.
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

CELL = """
angle = qf.axis([0.0, 1.0, 3.141])

@qf.sample(shots=500)
def counts(angle):
    qc = QuantumCircuit(2)
    qc.rx(angle, 0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.estimate(precision=0.05)
def parity(angle):
    qc = QuantumCircuit(2)
    qc.rx(angle, 0)
    qc.cx(0, 1)
    return qc, "ZZ"
"""


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with service() as found:
        monkeypatch.setenv("IAM_URL", found.url)
        # Else the client asks other hosts which instances there are.
        monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
        yield found


@pytest.fixture
def device(ibm: Service) -> IBMBackend:
    account = QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token="t" * 40,
        url=ibm.url,
        instance=INSTANCE,
        url_resolver=lambda *_, **__: f"{ibm.url}/api/v1",
    )
    return account.backend(NAME)


def test_a_device_is_recognised_as_one_that_speaks_primitives(device: Any) -> None:
    registry = Registry()
    registry.add("torino", device)
    facts = registry.facts("torino")
    assert type(registry.backend("torino")) is PrimitiveBackend
    assert (facts.num_qubits, facts.simulator, facts.exact) == (5, False, False)
    assert {"dynamical_decoupling", "twirling", "environment"} <= facts.options


def test_a_device_of_a_plugin_speaks_primitives_as_well(
    device: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "lab_devices-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lab-devices\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(
        "[quantumflow_lab.backends]\ntorino = lab_devices:torino\n"
    )
    module = ModuleType("lab_devices")
    vars(module)["torino"] = lambda: device
    monkeypatch.setitem(sys.modules, "lab_devices", module)
    monkeypatch.syspath_prepend(tmp_path)
    registry, added = Registry(), Registry()
    added.add("torino", device)
    facts = registry.facts("torino")
    assert type(registry.backend("torino")) is PrimitiveBackend
    assert facts.options == added.facts("torino").options
    assert facts.modes == ("job", "batch", "session")
    spec = registry.spec("torino")
    assert spec is not None
    assert type(spec.load()) is PrimitiveBackend, "as it is made in a worker"


def test_a_sweep_is_one_tagged_job_for_each_kind(
    ibm: Service, device: Any, tmp_path: Path
) -> None:
    lab = Lab(tmp_path)
    try:
        # The sampler that measures estimates, too, since no estimator is given.
        lab.backends.add("dev", PrimitiveBackend(device, sampler=SamplerV2))
        run = lab.run(
            dedent(CELL),
            name="ibm",
            backend="dev",
            policy="cheapest",
            inputs={"QuantumCircuit": QuantumCircuit},
        )
        run.raise_failure()
        ones = [v.data.meas.get_counts().get("11", 0) / 500 for v in run["counts"]]
        # Readout and gates of this device are wrong in a few percent.
        assert ones[0] < 0.1
        assert 0.1 < ones[1] < 0.4
        assert ones[2] > 0.8
        assert all(float(v.data.evs) > 0.7 for v in run["parity"])
        assert len(ibm.jobs) == 2
        jobs = {job["provider_job"]: job["tag"] for job in run.jobs}
        assert {name: [tag] for name, tag in jobs.items()} == {
            name: posted["tags"] for name, posted in ibm.jobs.items()
        }
        assert sorted(
            len(posted["params"]["pubs"]) for posted in ibm.jobs.values()
        ) == [*(3, 3)]
    finally:
        lab.close()


def test_the_secret_of_the_account_is_nowhere_in_the_home(
    ibm: Service, device: Any, tmp_path: Path
) -> None:
    lab = Lab(tmp_path)
    try:
        lab.backends.add("dev", qf.PrimitiveBackend(device, sampler=SamplerV2))
        lab.run(
            dedent(CELL),
            name="ibm",
            backend="dev",
            inputs={"QuantumCircuit": QuantumCircuit},
        )
    finally:
        lab.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"t" * 40 in path.read_bytes() for path in files)


def sample(device: Any) -> tuple[list[Any], list[MemberFailed]]:
    """Results and failures of two members of one job."""
    backend = PrimitiveBackend(device, sampler=SamplerV2)
    registry = Registry()
    registry.add("dev", backend)
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    pubs, _ = registry.normalise(
        "sample", circuit, backend="dev", shots=100, precision=None
    )
    events: list[Any] = []
    members = (Member(0, 1, pubs, None), Member(1, 1, pubs, None))
    request = JobRequest(1, "run.7", "sample", "dev", members, None)
    execute(request, adapter_for(backend), events.append)
    done = [event.results[0] for event in events if isinstance(event, MemberDone)]
    return done, [event for event in events if isinstance(event, MemberFailed)]


def test_a_job_whose_receipt_was_lost_is_found_by_its_tag_and_not_sent_again(
    ibm: Service, device: Any
) -> None:
    ibm.trouble.append(Trouble("POST", "/jobs", None, late=True))
    done, failed = sample(device)
    assert not failed
    assert [result.data.meas.num_shots for result in done] == [100, 100]
    assert [posted["tags"] for posted in ibm.jobs.values()] == [["run.7"]]


def test_a_job_that_never_arrived_may_be_sent_again(ibm: Service, device: Any) -> None:
    ibm.trouble.append(Trouble("POST", "/jobs", None))
    done, failed = sample(device)
    assert (done, ibm.jobs) == ([], {})
    assert [(type(f.error), f.fault) for f in failed] == [
        (BackendFailed, Fault.TRANSIENT)
    ] * 2


def test_a_job_of_which_nobody_can_tell_is_left_to_the_user(
    ibm: Service, device: Any
) -> None:
    ibm.trouble += [
        Trouble("POST", "/jobs", None, late=True),
        Trouble("GET", "/jobs", 401),
    ]
    done, failed = sample(device)
    assert (done, len(ibm.jobs)) == ([], 1)
    assert [(type(f.error), f.fault) for f in failed] == [
        (JobUnanswered, Fault.PERMANENT)
    ] * 2
    assert failed[0].error.message.startswith(
        "emulated may have taken the job tagged run.7 ("
    )


def test_a_service_that_has_too_much_to_do_is_asked_later(
    ibm: Service, device: Any
) -> None:
    ibm.trouble.append(Trouble("POST", "/jobs", 429))
    _, failed = sample(device)
    assert [f.fault for f in failed] == [Fault.TRANSIENT] * 2
    assert not ibm.jobs


@pytest.mark.parametrize("path", ["results", "jobs/"])
def test_a_job_is_asked_for_again_when_the_connection_breaks(
    ibm: Service, device: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.01)
    real = type(device.service._get_api_client()).job_get
    left = iter(range(3))

    def job_get(self: Any, *args: Any, **options: Any) -> Any:
        if next(left, None) is not None:
            raise RequestsApiError("reset") from ConnectionError("reset")
        return real(self, *args, **options)

    if path == "results":
        ibm.trouble.append(Trouble("GET", "/results", 429))
    else:
        monkeypatch.setattr(type(device.service._get_api_client()), "job_get", job_get)
    done, failed = sample(device)
    assert not failed
    assert len(done) == 2
    assert len(ibm.jobs) == 1


def test_a_job_that_ran_too_long_is_told_and_not_waited_for(
    ibm: Service, device: Any
) -> None:
    ibm.habits.append(Habits(status="Cancelled - Ran too long"))
    done, failed = sample(device)
    assert not done
    assert {type(f.error) for f in failed} == {JobCancelled}
    assert failed[0].error.message.endswith(
        "was cancelled on emulated (cancelled - ran too long) and has no result; send "
        "fewer circuits or raise max_execution_time"
    )
    assert len(ibm.jobs) == 1


@pytest.mark.filterwarnings("ignore:The EstimatorV2 class is deprecated")
def test_an_exported_script_asks_the_saved_account_for_the_device(
    ibm: Service, device: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path / "home")
    try:
        cell = "from qiskit import QuantumCircuit\n" + dedent(CELL)
        lab.backends.add("dev", PrimitiveBackend(device, sampler=SamplerV2))
        assert lab.run(cell, name="ibm", backend="dev").state == "done"
        (path,) = lab.export("ibm", to=tmp_path)
    finally:
        lab.close()
    text = path.read_text()
    assert f'"dev": QiskitRuntimeService().backend("{NAME}")' in text
    assert "t" * 40 not in text
    assert "through the account that QiskitRuntimeService has saved here" in text
    sent = len(ibm.jobs)
    monkeypatch.setattr(
        "qiskit_ibm_runtime.QiskitRuntimeService", lambda: device.service
    )
    values = runpy.run_path(str(path))["main"]()
    assert len(ibm.jobs) == sent + 6
    assert [v.data.meas.num_shots for v in values["counts"].values()] == [500] * 3
    assert [float(v.data.evs) for v in values["parity"].values()] == pytest.approx(
        [1, 1, 1], abs=0.5
    )
