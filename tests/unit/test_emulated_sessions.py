"""Sessions and batches of IBM's own client, on the service on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, SamplerV2, Session

from quantumflow_lab.emulate.faults import FAULTS
from quantumflow_lab.emulate.ibm import Service, lines, service

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Service, Any]]:
    # The lines set these; so they are put back.
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")
    with service() as found:
        names: dict[str, Any] = {"QiskitRuntimeService": QiskitRuntimeService}
        exec(lines(found.url), names)
        yield found, names["device"]


def send(mode: Any) -> Any:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    return SamplerV2(mode=mode).run([(circuit, None, 10)])


@pytest.mark.parametrize(("kind", "mode"), [(Batch, "batch"), (Session, "dedicated")])
def test_jobs_of_a_closed_session_end_and_no_more_are_taken(
    ibm: tuple[Service, Any], kind: Any, mode: str
) -> None:
    found, device = ibm
    session = kind(device, max_time=60)
    assert session.details()["mode"] == mode
    assert session.details()["max_time"] == 60
    job = send(session)
    session.close()
    assert job.result()[0].data.meas.num_shots == 10
    assert [each["session_id"] for each in found.jobs.values()] == [session.session_id]
    assert session.status() == "Closed"
    session._active = True  # as a client that has not heard of it
    with pytest.raises(Exception, match="1217"):
        send(session)


def test_a_session_past_its_time_refuses_jobs(ibm: tuple[Service, Any]) -> None:
    found, device = ibm
    session = Batch(device, max_time=60)
    (opened,) = found.sessions.values()
    opened.opened -= 61
    with pytest.raises(Exception, match="1602"):
        send(session)
    assert not found.jobs


def test_a_cancelled_session_cancels_its_queued_jobs(ibm: tuple[Service, Any]) -> None:
    found, device = ibm
    found.add(FAULTS["never-final"])
    session, alone = Session(device), send(device)
    job = send(session)
    session.cancel()
    assert (job.status(), alone.status()) == ("CANCELLED", "QUEUED")
