"""Runs that are taken up again, in one process and from another."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from quantumflow_lab import Lab, Price, Run
from quantumflow_lab.errors import (
    InputsChanged,
    NothingToResume,
    OpenJobs,
    ReplayDrift,
    RunIsHeld,
    UnknownRun,
)
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner import replay
from quantumflow_lab.runner.replay import Recorded, Replay
from quantumflow_lab.store import lease
from tests.unit.devices import Device, raises

SWEEP = """
i = qf.axis([0, 1, 2, 3])

@qf.step
def inverse(i):
    done.append(i)
    return 1 / (i - pole[0])

@qf.step(over="i")
def total(inverse):
    return sum(inverse)
"""
LOOP = """
@qf.step
def energies(estimator):
    found = []
    for angle in angles[0]:
        job = estimator.run([(ansatz, "Z", [angle])])
        found.append(float(job.result()[0].data.evs))
        if len(found) == stop[0]:
            raise InterruptedError("the way home is long")
    return found
"""


class Live:
    """A list that runs share with the test: it cannot be copied."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    def __deepcopy__(self, memo: object) -> Live:
        raise TypeError

    def __getitem__(self, index: int) -> Any:
        return self.items[index]

    def append(self, item: Any) -> None:
        self.items.append(item)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def lab(home: Path) -> Any:
    lab = Lab(home)
    yield lab
    lab.close()


def run(lab: Lab, cell: str, **inputs: Any) -> Run:
    return lab.run(dedent(cell), name="work", inputs=inputs)


def test_only_what_failed_is_run_again(lab: Lab) -> None:
    done, pole = Live(), Live(2)
    first = run(lab, SWEEP, done=done, pole=pole)
    assert first.state == "failed"
    pole.items, done.items = [7], []
    again = lab.resume("work", inputs={"done": done, "pole": pole})
    assert (again.state, again.id, again.seed) == ("done", first.id, first.seed)
    # What the notebook cannot be asked about by value is run again with it.
    assert sorted(done.items) == [0, 1, 2, 3]


def test_points_that_are_done_are_not_done_again(lab: Lab) -> None:
    cell = SWEEP.replace("    done.append(i)\n", "").replace("pole[0]", "pole")
    cell = cell.replace("return 1", "print('point')\n    return 1")
    first = run(lab, cell, pole=2)
    again = lab.resume("work")
    query = (
        "SELECT attempt, count(*) AS n FROM rec_unit WHERE step = 'inverse' GROUP BY 1"
    )
    rows = {row["attempt"]: row["n"] for row in lab.sql(query).to_pylist()}
    assert (first.id, rows) == (again.id, {1: 5})
    (row,) = lab.sql("SELECT number, epoch, state FROM qf_runs").to_pylist()
    assert row == {"number": 1, "epoch": 2, "state": "failed"}
    assert "taken up" in str(again.snapshot()["message"]) or again.state == "failed"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_points_showed_that_are_done_is_shown_again_once(
    home: Path, *, elsewhere: bool
) -> None:
    cell = SWEEP.replace("done.append(i)", "print('at', i)").replace("[0]", "")
    lab = Lab(home)
    run(lab, cell, pole=2)
    if elsewhere:
        lab.close()
        lab = Lab(home)
    again = lab.resume("work")
    shown = sorted((o.point, o.data) for o in again.outputs)
    assert shown == [(i, f"at {i}\n") for i in range(4)]
    # What was recorded before is not recorded again; point 2 was tried twice.
    kept = sorted((o.point, o.data) for o in lab.load("work").outputs)
    assert kept == sorted([*shown, (2, "at 2\n")])
    lab.close()


def loop(lab: Lab, *, stop: int, angles: list[float]) -> Any:
    ansatz = QuantumCircuit(1)
    ansatz.ry(Parameter("t"), 0)
    return run(lab, LOOP, ansatz=ansatz, angles=Live(angles), stop=Live(stop)), ansatz


def test_a_loop_is_answered_what_it_was_answered_and_goes_on(lab: Lab) -> None:
    device = Device("device")
    lab.backends.add("device", device)
    angles = [0.1 * i for i in range(6)]
    lab.settings = lab.settings.model_copy(update={"backend": "device"})
    first, ansatz = loop(lab, stop=4, angles=angles)
    assert first.partial("energies").reason == "InterruptedError"
    assert len(device.jobs) == 4
    inputs = {"ansatz": ansatz, "angles": Live(angles), "stop": Live(-1)}
    again = lab.resume("work", inputs=inputs)
    again.raise_failure()
    assert len(device.jobs) == 6
    assert len(again["energies"]) == 6
    rows = lab.sql(
        "SELECT state, count(*) AS n FROM rec_call GROUP BY state ORDER BY state"
    ).to_pylist()
    assert rows == [{"state": "answered", "n": 6}, {"state": "asked", "n": 6}]


def test_equal_calls_are_told_apart_by_how_often_they_were_made(lab: Lab) -> None:
    first, ansatz = loop(lab, stop=3, angles=[0.5] * 5)
    given = {"ansatz": ansatz, "angles": Live([0.5] * 5), "stop": Live(-1)}
    again = lab.resume("work", inputs=given)
    query = (
        "SELECT number, count(*) AS n FROM rec_call WHERE value IS NOT NULL GROUP BY 1"
    )
    rows = lab.sql(query + " ORDER BY 1").to_pylist()
    assert rows == [{"number": i, "n": 1} for i in range(5)]
    assert len({*again["energies"]}) > 1
    assert first.id == again.id


def test_a_loop_that_asks_something_else_is_stopped_before_it_pays(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "PATIENCE_S", 0.05)
    device = Device("device")
    lab.backends.add("device", device)
    lab.settings = lab.settings.model_copy(update={"backend": "device"})
    _, ansatz = loop(lab, stop=4, angles=[0.1, 0.2, 0.3, 0.4, 0.5])
    assert len(device.jobs) == 4
    inputs = {
        "ansatz": ansatz,
        "angles": Live([0.1, 0.2, 0.9, 0.4, 0.5]),
        "stop": Live(-1),
    }
    drifted = lab.resume("work", inputs=inputs)
    with pytest.raises(
        ReplayDrift,
        match=r"step 'energies' asks what it had not asked before it was interrupted, "
        r"and leaves 2 of 4 calls out; nothing was sent\. .* --accept-drift",
    ):
        drifted.raise_failure()
    assert len(device.jobs) == 4
    again = lab.resume("work", inputs=inputs, accept_drift=True)
    assert len(again["energies"]) == 5
    # 0.4 was known, too, but not any more after the loop had gone another way.
    assert len(device.jobs) == 6


def test_threads_of_a_loop_replay_in_any_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "PATIENCE_S", 10.0)
    known = [Recorded(key, n, {"ref": f"{key}{n}"}) for key in "ab" for n in range(3)]
    asked = Replay("loop", [*known, Recorded("c", 0, None)])
    found: list[object] = []

    def ahead() -> None:
        found.extend(asked.find(("a", n)) for n in range(3))
        found.append(asked.find(("c", 0)))
        found.append(asked.find(("new", 0)))

    thread = threading.Thread(target=ahead)
    thread.start()
    for n in range(3):
        assert asked.find(("b", n)) == {"ref": f"b{n}"}
    thread.join(5)
    assert found == [{"ref": "a0"}, {"ref": "a1"}, {"ref": "a2"}, None, None]


def test_a_run_that_is_done_has_nothing_to_resume(lab: Lab) -> None:
    run(lab, "@qf.step\ndef one():\n    return 1\n")
    with pytest.raises(
        NothingToResume, match="run 1 of 'work' is done; type %qflow load work"
    ):
        lab.resume("work")
    with pytest.raises(UnknownRun, match="no run is called 'wrok'"):
        lab.resume("wrok")


def test_an_earlier_run_that_was_left_is_named_and_resumed_by_number(
    lab: Lab, tmp_path: Path
) -> None:
    gate = threading.Event()
    cell = "@qf.step\ndef one():\n    return gate.wait(60)\n"
    lab.run(cell, name="work", inputs={"gate": gate}, background=True)
    lab.leave()
    lease._after_fork()  # its files are closed, as those of a process that dies
    gate.set()
    later = Lab(lab.store.home)
    run(later, "@qf.step\ndef one():\n    return 1\n")
    told = (
        "run 2 of 'work' is done; type %qflow load work to have it; %qflow resume "
        "work:1 goes on with one that was left"
    )
    with pytest.raises(NothingToResume, match=told):
        later.resume("work")
    assert later.load("work:1").state == "unfinished"
    with pytest.raises(UnknownRun, match="'work' has 2 runs, none of them number 3"):
        later.resume("work:3")
    again = later.resume("work:1", inputs={"gate": gate})
    assert (again["one"], again.state) == (True, "done")
    later.close()


def test_inputs_that_changed_are_named(lab: Lab) -> None:
    cell = "@qf.step\ndef one():\n    return helper() / factor\n"

    def helper() -> int:
        return 3

    def other() -> int:
        return 4

    run(lab, cell, helper=helper, factor=0)
    with pytest.raises(
        InputsChanged, match="helper of the notebook changed since run 1"
    ):
        lab.resume("work", inputs={"helper": other, "factor": 5})
    with pytest.raises(
        InputsChanged,
        match=r"'helper' of run 1 of 'work' \(function helper\) lives in its notebook",
    ):
        lab.resume("work")
    again = lab.resume("work", inputs={"helper": helper, "factor": 5})
    # The values of the run are those it began with, whatever the notebook has by now.
    assert again.partial("one").reason == "ZeroDivisionError"


CRASH = """
import os, signal, sys, time
from functools import partial
from pathlib import Path
from textwrap import dedent
sys.path.insert(0, {root!r})
from quantumflow_lab import Lab, Price
from tests.unit.devices import Device

def die(*_):
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)

class Deadly(Device):
    def run(self, circuits, **options):
        job = super().run(circuits, **options)
        job.result = die
        return job

lab = Lab(Path(sys.argv[1]))
sent = sys.argv[2] == "sent"
device = Deadly("device") if sent else Device("device", trouble=die)
lab.backends.add("device", device, price=Price("USD", per_shot="0.1"))
lab.run(dedent(sys.argv[3]), name="fatal", backend="device", inputs={{"factor": 3}})
"""
FATAL = """
from qiskit import QuantumCircuit

@qf.step
def scaled():
    return 2 * factor

@qf.sample(shots=10)
def counts(scaled):
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.measure_all()
    return qc

@qf.step
def ones(counts, scaled):
    return counts.data.meas.get_counts()["1"] * scaled
"""


def crash(home: Path, when: str = "intended", cell: str = FATAL) -> None:
    """Run a cell in a process that dies when its job is intended, or sent."""
    code = CRASH.format(root=str(Path(__file__).parents[2]))
    arguments = [sys.executable, "-c", code, str(home), when, cell]
    done = subprocess.run(arguments, check=False)
    assert done.returncode == -9


def test_the_id_of_a_job_is_on_the_disk_before_it_ends(home: Path) -> None:
    crash(home, "sent")
    lab = Lab(home)
    lab.backends.add("device", Device("device"))
    (job,) = lab.sql("SELECT state, provider_job FROM qf_jobs").to_pylist()
    assert job["state"] == "sent"
    with pytest.raises(OpenJobs, match=f"{job['provider_job']} on device"):
        lab.resume("fatal")
    lab.close()


def test_a_job_that_may_have_arrived_is_not_sent_again_without_a_word(
    home: Path,
) -> None:
    crash(home)
    lab = Lab(home)
    device = Device("device")
    lab.backends.add("device", device, price=Price("USD", per_shot="0.1"))
    told = (
        r"run 1 of 'fatal' was left with jobs that may go on, and may be paid: tag .* "
        r"on device\. Look there first; to give them up type %qflow resume fatal "
        "--resubmit"
    )
    cell = dedent(FATAL)
    for act in (
        lambda: lab.resume("fatal"),
        lambda: lab.run(cell, name="fatal", backend="device", inputs={"factor": 3}),
        lambda: lab.run(cell, name="fatal", backend="device", inputs={"factor": 4}),
    ):
        with pytest.raises(OpenJobs, match=told):
            act()
    assert device.jobs == []
    lab.backends.add("device", Device("device", trouble=raises(ValueError("once"))))
    assert lab.resume("fatal", resubmit=True).state == "failed"
    # What was given up once is not asked about again.
    lab.backends.add("device", device, price=Price("USD", per_shot="0.1"))
    again = lab.resume("fatal")
    assert (again["ones"], device.jobs) == (60, [1])
    # The first may have been paid as well as the second.
    (cost,) = lab.sql("SELECT cost, currency FROM qf_runs").to_pylist()
    assert cost == {"cost": pytest.approx(2.0), "currency": "USD"}
    assert lab.sql("SELECT state, epoch FROM qf_runs").to_pylist() == [
        {"state": "done", "epoch": 3}
    ]
    lab.close()


def test_a_cell_of_which_nothing_can_be_kept_asks_about_its_jobs_too(
    home: Path,
) -> None:
    crash(home, cell=FATAL.replace("shots=10", "shots=10, cache=False"))
    lab = Lab(home)
    device = Device("device")
    lab.backends.add("device", device)
    cell = dedent(FATAL.replace("shots=10", "shots=10, cache=False"))
    cell = cell.replace("@qf.step", "@qf.step(cache=False)")
    for text in (cell, cell.replace("@qf.step(cache=False)", "@qf.step")):
        with pytest.raises(OpenJobs):
            lab.run(text, name="fatal", backend="device", inputs={"factor": 3})
    assert device.jobs == []
    lab.close()


def test_a_cell_that_goes_on_elsewhere_is_not_begun_again(home: Path) -> None:
    cell = """
    import time

    @qf.step
    def wait():
        time.sleep(20)
    """
    one, other = Lab(home), Lab(home)
    try:
        running = one.run(dedent(cell), name="twice", background=True)
        with pytest.raises(RunIsHeld, match=f"{running.id} goes on in .* --fresh"):
            other.run(dedent(cell), name="twice")
        # Another cell of that name is another thing.
        assert other.run("@qf.step\ndef w():\n    return 1\n", name="twice")["w"] == 1
        running.cancel()
    finally:
        one.close()
        other.close()


def test_one_of_two_processes_has_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    mine = lease.take(folder, "r1")
    with pytest.raises(RunIsHeld, match=r"run r1 goes on in process \d+ on "):
        lease.take(folder, "r1")
    assert lease.is_held(folder, "r1") == mine.holder
    mine.leave()
    assert lease.is_held(folder, "r1") is None
    lease.take(folder, "r1").release()
    assert list(folder.iterdir()) == []


def test_a_run_of_another_machine_is_taken_by_force_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs"
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    lease.take(folder, "r1").leave()
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    with pytest.raises(
        RunIsHeld,
        match=r"left by process \d+ on elsewhere, .* type %qflow resume r1 --steal",
    ):
        lease.take(folder, "r1")
    lease.take(folder, "r1", steal=True).release()


SETTABLE = """
size = 1

@qf.step
def told():
    return repr(size)

@qf.step
def broken(told):
    return 1 / fuse
"""


@pytest.mark.parametrize("value", [[1, 2], {"a": [0.5, None]}, 2.5, True])
def test_what_was_set_is_what_a_resumed_run_reads(home: Path, value: object) -> None:
    lab = Lab(home)
    cell = dedent(SETTABLE)
    lab.run(cell, name="work", set={"size": value}, inputs={"fuse": 0})
    lab.close()
    lab = Lab(home)
    again = lab.resume("work", inputs={"fuse": 0})
    assert again["told"] == repr(value)
    asked = lab.load("work").asked
    assert asked.set == {"size": value}
    lab.close()


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, 1j])
def test_what_was_set_and_is_no_json_is_not_taken_for_a_text(
    home: Path, value: object
) -> None:
    lab = Lab(home)
    cell, set_ = dedent(SETTABLE), {"size": value}
    lab.run(cell, name="work", set=set_, inputs={"fuse": 0})
    with pytest.raises(
        InputsChanged,
        match=r"size of run 1 of 'work' was set to a value that JSON does not have: ",
    ):
        lab.resume("work")
    again = lab.run(cell, name="work", set=set_, inputs={"fuse": 0})
    assert again["told"] == repr(value)
    lab.close()


def test_a_backend_that_only_the_notebook_had_is_asked_for(home: Path) -> None:
    lab = Lab(home)
    lab.backends.add("mine", Device("mine"))
    cell = dedent(SETTABLE) + dedent("""
        @qf.sample(shots=10)
        def counts(told):
            qc = QuantumCircuit(1)
            qc.measure_all()
            return qc
        """)
    inputs = {"fuse": 0, "QuantumCircuit": QuantumCircuit}
    lab.run(cell, name="work", backend="mine", inputs=inputs)
    lab.close()
    lab = Lab(home)
    with pytest.raises(
        InputsChanged,
        match=r"run 1 of 'work' needs a backend that its notebook had \(no backend "
        r"'mine'.*qf\.lab\(\)\.backends\.add\(…\), and type %qflow resume work",
    ):
        lab.resume("work", inputs=inputs)
    lab.backends.add("mine", Device("mine"))
    assert isinstance(lab.resume("work", inputs=inputs).partial("broken"), Failed)
    lab.close()


def test_a_part_of_another_process_s_run_is_not_stopped_in_silence(home: Path) -> None:
    lab = Lab(home)
    lab.run(dedent(SETTABLE), name="work", inputs={"fuse": 0})
    run = lab.load("work")
    run.cancel()  # it has ended: nothing to do
    held = lease.take(home / "runs", run.id)
    step = next(iter(run.workflow.step_names))
    for act in (partial(run.cancel, step), run.pause):
        with pytest.raises(
            RunIsHeld, match=r"goes on in .*cancel it with %qflow cancel"
        ):
            act()
    held.release()
    lab.close()
