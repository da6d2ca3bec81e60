"""What providers say of a job, in words of their own, and what is made of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from quantumflow_lab.backends import usage
from quantumflow_lab.backends.usage import Told, ask, braket, elsewhere, ibm, together
from quantumflow_lab.planning.billing import Ended, Rule, bill
from quantumflow_lab.ports import Stopped
from quantumflow_lab.price import Price, Usage

TIMES = {
    "created": "2026-11-26T08:00:00.000Z",
    "running": "2026-11-26T08:10:00.500Z",
    "finished": "2026-11-26T08:10:04.500Z",
}


def test_ibm_tells_seconds_and_when_a_job_ran() -> None:
    said = {"usage": {"status": "final", "qpu_charge_time_seconds": 3}}
    assert ibm({**said, "timestamps": TIMES}) == Told(
        "ibm", seconds=3.0, qpu_s=3.0, queue_s=600.5, run_s=4.0
    )


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"quantum_seconds": 2.35}, 2.35),
        ({"quantum_seconds": 0}, None),
        ({"quantum_seconds": 0, "status": "final"}, 0.0),
        ({"quantum_seconds": 1.0, "status": "pending"}, None),
        ({"quantum_seconds": float("nan"), "status": "final"}, None),
        ({"quantum_seconds": -1, "status": "final"}, None),
        ({"quantum_seconds": True, "status": "final"}, None),
        ({"quantum_seconds": "3", "status": "final"}, None),
        (None, None),
        ([], None),
    ],
)
def test_only_a_final_figure_is_one(said: Any, seconds: float | None) -> None:
    assert ibm({"usage": said}).seconds == seconds


@pytest.mark.parametrize("moment", [None, 7, "soon", "2026-11-26T08:00:00"])
def test_a_moment_without_a_zone_is_none(moment: Any) -> None:
    assert ibm({"timestamps": {**TIMES, "running": moment}}).queue_s is None


def test_a_clock_that_goes_back_gives_no_negative_time() -> None:
    told = ibm({"timestamps": {**TIMES, "running": "2026-11-26T07:00:00Z"}})
    assert told.queue_s == 0.0


def test_braket_tells_shots_and_what_a_simulator_took() -> None:
    task = {"status": "COMPLETED", "shots": 100}
    assert braket([task, {**task, "successful": 60}]) == Told("braket", shots=160)
    times = {"created": TIMES["created"], "ended": "2026-11-26T08:00:10Z"}
    simulated = {**task, **times, "ms": 4000}
    assert braket([simulated]) == Told(
        "braket", shots=100, seconds=4.0, queue_s=6.0, run_s=4.0
    )


def test_braket_does_not_tell_what_a_task_that_failed_has_used() -> None:
    assert braket([{"status": "FAILED", "shots": 100}]).shots is None
    assert braket([{"status": "CANCELLED", "shots": 9, "successful": 0}]).shots == 0


def test_a_sum_is_told_only_if_each_part_is() -> None:
    one, other = Told("ibm", seconds=2.0, queue_s=1.0), Told("ibm", seconds=3.0)
    assert together([one, other]) == Told("ibm", seconds=5.0)
    assert together([one, None]) == Told("ibm")
    assert together([]) == Told()


def test_usage_has_the_circuits_and_shots_that_were_sent_unless_nothing_ran() -> None:
    assert Told().usage(3, 300) is None
    assert Told(seconds=2.0).usage(3, 300) == Usage(3, 300, 2.0)
    assert Told(shots=7).usage(3, 300) == Usage(3, 7)
    assert Told(seconds=0.0).usage(3, 300) == Usage()
    assert Told(shots=0).usage(3, 300) == Usage()


@pytest.mark.parametrize(
    "said",
    [{}, {"client": []}, {"client": "qiskit_braket_provider", "tasks": 3}],
)
def test_nonsense_of_another_environment_says_nothing(said: Any) -> None:
    assert elsewhere(said).usage(1, 1) is None


class _Job:
    """A job whose client says one thing after the other."""

    def __init__(self, *said: Any) -> None:
        self.said = list(said)

    def metrics(self) -> Any:
        said = self.said.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


_Job.__module__ = "qiskit_ibm_runtime.stub"
PENDING = {"usage": {"status": "pending", "quantum_seconds": 0}}
FINAL = {"usage": {"status": "final", "quantum_seconds": 2.5}}


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LOOKS_S", (0.0, 0.01, 0.01))


def test_a_figure_that_is_late_is_waited_for_but_not_for_ever() -> None:
    assert ask(_Job(PENDING, FINAL), lambda: True).seconds == 2.5
    job = _Job(*[PENDING] * 9)
    assert ask(job, lambda: True) == Told("ibm")
    assert len(job.said) == 6


@pytest.mark.parametrize("said", [RuntimeError("no"), None, {}, {"usage": "much"}])
def test_trouble_with_it_is_no_trouble_of_the_job(said: Any) -> None:
    assert ask(_Job(said), lambda: True).seconds is None


def test_nobody_waits_for_it_who_has_given_the_job_up() -> None:
    with pytest.raises(Stopped):
        ask(_Job(PENDING, PENDING, PENDING), lambda: False)


def test_elsewhere_the_time_of_a_result_is_that_of_execution() -> None:
    class Result:
        time_taken = 1.25

    assert ask(object(), lambda: True, Result()) == Told(run_s=1.25)


@pytest.mark.parametrize(
    ("kinds", "provider"),
    [
        (("qiskit_ibm_runtime:IBMBackend", "qiskit:BackendV2"), "ibm"),
        (("iqm:IQMBackend",), "iqm"),
        (("somebody:Device", "qiskit:BackendV2"), None),
    ],
)
def test_of_another_environment_that_is_silent_the_provider_is_known(
    kinds: tuple[str, ...], provider: str | None
) -> None:
    """What bills its own measurement then counts at its most, not as was forecast."""

    class EnvironmentBackend:
        __module__ = "quantumflow_lab.workers.environment"

    class Job:
        used: ClassVar[dict[str, Any]] = {}

    backend: Any = EnvironmentBackend()
    backend.kinds = kinds
    job: Any = Job()
    job._backend = backend
    told = ask(job, lambda: True)
    assert told == Told(provider)
    if provider == "ibm":
        price = Price("USD", per_second=2)
        ran = Usage(circuits=1, shots=100, seconds=1.0)
        most = Decimal(7)
        found = bill(price, Ended.DONE, most=most, ran=ran, provider=told.provider)
        assert (found.amount, found.rule) == (most, Rule.AT_MOST)
