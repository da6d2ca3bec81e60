"""IBM's own client and its device, on a service on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, SamplerV2

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.backends import PrimitiveBackend, Registry
from tests.unit.ibm import INSTANCE, NAME, Service, service

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
