"""Backends that other people wrote, with the habits that were found among them."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Parameter
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

from quantumflow_lab.backends import Registry, circuit_count, normalise
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.errors import BackendFailed, UnknownBackendOption
from quantumflow_lab.ports import JobRequest, Member, MemberDone, MemberFailed, Settled


class DoneJob:
    """Has run when it is made, as BasicSimulator's and Braket's jobs have."""

    def __init__(self, result):
        self._result = result

    def result(self):
        return self._result


class Answer:
    """The least of a result: counts by position."""

    def __init__(self, counts):
        self._counts = counts

    def get_counts(self, index):
        return self._counts[index]


class Foreign(BackendV2):
    """Simulates with Aer, then writes counts the way its `style` does."""

    seen: list

    def __init__(self, style="plain", seeded=False):
        super().__init__(name="foreign")
        self.style = style
        self.seen = []
        if seeded:
            self.options.update_options(seed_simulator=None)
        self._target = Target(num_qubits=3)
        for gate in (SXGate(), XGate(), RZGate(Parameter("t")), Measure(), Delay(1)):
            self._target.add_instruction(gate, {(q,): None for q in range(3)})
        pairs = [(0, 1), (1, 0), (1, 2), (2, 1)]
        self._target.add_instruction(CXGate(), dict.fromkeys(pairs))

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options(shots=100)

    def run(self, circuits, **options):
        self.seen.append((len(circuits), options))
        counts = [self.write(circuit, options) for circuit in circuits]
        return DoneJob(Answer(counts))

    def write(self, circuit, options):
        if self.style == "breaks" and circuit.num_clbits == 2:
            raise RuntimeError("calibration in progress")
        if self.style == "offline":
            raise ConnectionError("no route to host")
        job = AerSimulator().run(circuit, shots=options["shots"], seed_simulator=1)
        counts = job.result().get_counts()
        return {self.key(key, circuit): n for key, n in counts.items()}

    def key(self, key, circuit):
        bits = key.replace(" ", "")
        match self.style:
            case "hex":
                return hex(int(bits, 2))
            case "integers":
                return int(bits, 2)
            case "unpadded":
                return bits.lstrip("0") or "0"
            case "joined":
                return bits
            case "measured only":
                measured = {
                    circuit.find_bit(item.clbits[0]).index
                    for item in circuit.data
                    if item.operation.name == "measure"
                }
                digits = reversed(bits)
                kept = [d for i, d in enumerate(digits) if i in measured]
                return "".join(reversed(kept))
        return key


class Zeros(Foreign):
    """Returns nothing for every circuit, as after a failed read-out."""

    def write(self, circuit, options):
        return {}


class FewerShots(Foreign):
    """Loses a shot."""

    def write(self, circuit, options):
        return {"1": options["shots"] - 1}


class TooManyBits(Foreign):
    """Answers for a register that is not there."""

    def write(self, circuit, options):
        return {"111111": options["shots"]}


class HalfFailing(Foreign):
    """Reports the second circuit of each job as failed, in Qiskit's own Result."""

    def run(self, circuits, **options):
        shots = options["shots"]
        parts = [
            {
                "success": i != 1,
                "status": "DONE" if i != 1 else "ERROR: laser unlocked",
                "shots": shots,
                "data": {"counts": {"0x1": shots}} if i != 1 else {},
                "header": {"creg_sizes": [["meas", 1]], "memory_slots": 1},
            }
            for i in range(len(circuits))
        ]
        result = Result.from_dict(
            {"results": parts, "success": False, "status": "PARTIAL", "job_id": "1"}
        )
        return DoneJob(result)


def flip(width=1):
    circuit = QuantumCircuit(width)
    circuit.x(0)
    circuit.measure_all()
    return circuit


def run(backend, kind, values, *, seed=5, **options):
    shares, index = [], 0
    for unit, value in enumerate(values):
        pubs, _ = normalise(kind, value)
        shares.append(Member(unit, 1, pubs, index, **options))
        index += sum(circuit_count(kind, pub) for pub in pubs)
    events = []
    request = JobRequest(1, "t", kind, "foreign", tuple(shares), seed)
    execute(request, RunAdapter(backend), events.append, threads=1)
    assert isinstance(events[-1], Settled)
    done = [event for event in events if isinstance(event, MemberDone)]
    failed = [event for event in events if isinstance(event, MemberFailed)]
    return done, failed


STYLES = ["plain", "hex", "integers", "unpadded", "joined", "measured only"]


@pytest.mark.parametrize("style", STYLES)
def test_outcomes_are_understood_however_they_are_written(style):
    from qiskit import ClassicalRegister, QuantumRegister

    first, second = ClassicalRegister(2, "first"), ClassicalRegister(2, "second")
    circuit = QuantumCircuit(QuantumRegister(3), first, second)
    circuit.x(0)
    circuit.h(2)
    circuit.measure(0, first[1])
    circuit.measure(1, second[0])
    circuit.measure(2, second[1])
    (done,), failed = run(Foreign(style), "sample", [(circuit, None, 400)])
    assert not failed
    data = done.results[0].data
    assert data.first.get_counts() == {"10": 400}
    found = data.second.get_counts()
    assert set(found) == {"00", "10"}
    assert 130 < found["00"] < 270  # 7 standard deviations


def test_observables_are_estimated_from_the_counts_of_any_backend():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    value = (circuit, ["ZZ", "XX", "YY", "ZI"], None, 0.05)
    (done,), _ = run(Foreign("unpadded"), "estimate", [value])
    evs = done.results[0].data.evs
    assert evs[:3].tolist() == [1, 1, -1]
    assert abs(evs[3]) < 0.25


def test_members_share_one_run_if_the_backend_takes_no_seed():
    backend = Foreign()
    run(backend, "sample", [flip()] * 4)
    assert [count for count, _ in backend.seen] == [4]
    assert "seed_simulator" not in backend.seen[0][1]


def test_a_backend_whose_batch_seeds_are_unknown_gets_circuits_one_by_one():
    backend = Foreign(seeded=True)
    run(backend, "sample", [flip()] * 3, seed=5)
    assert [(n, options["seed_simulator"]) for n, options in backend.seen] == [
        (1, 5),
        (1, 5 + 2113),
        (1, 5 + 2 * 2113),
    ]


def test_a_backend_is_only_sent_options_it_has():
    backend = Foreign()
    run(backend, "sample", [flip()])
    assert backend.seen == [(1, {"shots": 1024})]
    with pytest.raises(UnknownBackendOption, match="foreign has no option 'noise'"):
        Registry({"foreign": backend}).preflight("foreign", "sample", [], {"noise": 1})


def test_a_job_in_which_one_circuit_makes_run_raise_is_to_be_cut():
    backend = Foreign("breaks")
    done, failed = run(backend, "sample", [flip(), flip(2), flip()])
    assert (done, len(backend.seen)) == ([], 1)
    assert [event.fault for event in failed] == ["too_big"] * 3
    assert failed[1].error.message == (
        "foreign failed: RuntimeError: calibration in progress"
    )


def test_the_circuit_that_makes_run_raise_has_failed_when_it_is_alone():
    done, (failed,) = run(Foreign("breaks"), "sample", [flip(2)])
    assert (done, failed.fault) == ([], "permanent")


def test_a_broken_connection_may_be_tried_again():
    _, failed = run(Foreign("offline"), "sample", [flip(), flip()])
    assert {event.unit: event.fault for event in failed} == {
        0: "transient",
        1: "transient",
    }


def test_a_circuit_that_its_result_marks_as_failed_fails_alone():
    done, (failed,) = run(HalfFailing(), "sample", [flip()] * 3)
    assert [event.unit for event in done] == [0, 2]
    assert failed.error.message == "the backend failed: laser unlocked"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (Zeros(), "the backend returned no counts for a circuit"),
        (FewerShots(), "the backend ran 1023 shots instead of 1024"),
        (
            TooManyBits(),
            "the backend returned outcome '111111' for a circuit with 1 classical bits",
        ),
    ],
    ids=["zeros", "fewer shots", "too many bits"],
)
def test_wrong_answers_are_failures_and_never_zeros(backend, message):
    done, (failed,) = run(backend, "sample", [flip()])
    assert not done
    assert isinstance(failed.error, BackendFailed)
    assert failed.error.message == message


def test_two_equal_pubs_are_two_samples():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    events, shares = [], normalise("sample", [circuit, circuit])[0]
    request = JobRequest(1, "t", "sample", "aer", (Member(0, 1, shares, 0),), 3)
    execute(request, RunAdapter(AerSimulator()), events.append)
    first, second = events[-2].results
    assert first.data.meas.get_counts() != second.data.meas.get_counts()
