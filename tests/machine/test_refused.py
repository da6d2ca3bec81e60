"""Events that no correct runner sends are refused whole, with a message."""

from __future__ import annotations

import array
import subprocess
import sys

import pytest

from quantumflow_lab import core
from quantumflow_lab.core import Events, Run, read_counts
from quantumflow_lab.errors import SchedulerError

CLASS = {"run": 0, "step": 0, "lane": 0}


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (Events().done(5, 1), "no unit 5"),
        (Events().done(-1, 1), "no unit -1"),
        (Events().settled(0), "no job 0"),
        (Events().answer(0, core.Choice.GIVE_UP), "no question 0"),
        (Events().seal(4), "no run 4"),
        (Events().cancel_step(0, 9), "no step 9"),
        (Events().run(0, seed=1), "run 0 is defined already"),
        (Events().run(1, seed=1, cap=-2), "cap cannot be -2"),
        (Events().lane(0, slots=-1), "slots cannot be -1"),
        (Events().define_class(0, **CLASS), "class 0 is defined already"),
        (Events().define_class(1, run=0, step=0, lane=9), "no lane 9"),
        (Events().define_class(1, **CLASS, attempts=0), "attempts cannot be 0"),
        (Events().define_class(1, **CLASS, timeout=-2), "timeout cannot be -2"),
        (
            Events().define_class(1, **CLASS, reserve=1),
            "price of a plain unit cannot be 1",
        ),
        (
            Events().define(run=0, cls=0, first=7, needs=[[]], parent=0),
            "the next unit is 1, not 7",
        ),
        (
            Events().define(run=0, cls=0, first=1, needs=[[1]], parent=0),
            "unit 1 needs 1, which is not defined before it",
        ),
        (
            Events().define(run=0, cls=0, first=1, needs=[[]]),
            "run 0 is sealed; only definitions with a parent may follow",
        ),
        (Events().define_class(1, **CLASS, rank=-1), "rank cannot be -1"),
        (Events().define_class(1, **CLASS, expected=-1), "expected cannot be -1"),
        (
            Events().define_class(1, **CLASS, job_limit=1, per_shot=2**31),
            "per_shot cannot be 2147483648",
        ),
        (Events().other_way(9, 0, job_limit=1), "no class 9"),
        (Events().other_way(0, 9, job_limit=1), "no lane 9"),
        (
            Events().lane(1, slots=1).other_way(0, 1, job_limit=1),
            "job_limit of a class with several ways cannot be 0",
        ),
        (Events().guard(9), "no lane 9"),
        (Events().guard(0, burst=0), "burst cannot be 0"),
        (
            Events().guard(0, burst=4, period=2**61),
            "period cannot be 2305843009213693952",
        ),
        (Events().limits(0, shots=-2), "shots cannot be -2"),
        (Events().weight(0, circuits=-1), "circuits cannot be -1"),
        (Events().weight(0, payload=2**31), "payload cannot be 2147483648"),
        (Events().weight(9), "no unit 9"),
        (Events().pause(9), "no run 9"),
        (Events().deadline(0, -2), "deadline cannot be -2"),
        (Events().spent(0, -1), "spent cannot be -1"),
        (
            Events().adopt(0, 0, members=[(0, 1)]),
            "job_limit of an adopted job cannot be 0",
        ),
        (
            Events()
            .define_class(1, **CLASS, job_limit=1)
            .adopt(1, 0, members=[(0, 1)]),
            "unit 0 does not belong to class 1",
        ),
        (
            Events().define_class(1, **CLASS, job_limit=1).adopt(1, 1, members=[]),
            "no way 1",
        ),
        (array.array("q", [99]), "no event has code 99 (word 0)"),
        (array.array("q", [8, 0]), "the event at word 0 is cut short"),
        (array.array("q", [4, 0, 0, 1, -1, 0, 0]), "count cannot be -1"),
        (
            array.array("q", [4, 0, 0, 1, 2**62, 0, 0]),
            "the event at word 0 is cut short",
        ),
        (array.array("q", [4, 0, 0, 1, 1, 0, 0, 1, 0]), "offsets cannot be 0"),
        (array.array("q", [9, 0, 1, 5, -1]), "reason cannot be 5"),
        (b"\x01\x02\x03", "3 bytes are not whole 8-byte words"),
    ],
)
def test_bad_batch_is_refused_and_changes_nothing(machine, events, message):
    """A good event before the bad one is not applied either."""
    machine.begin([])
    before = machine.scheduler.counts(0)
    batch = bytes(Events().done(0, 1)) + bytes(events)
    with pytest.raises(SchedulerError) as error:
        machine.scheduler.handle(events, 0)
    assert error.value.message == message
    with pytest.raises(SchedulerError):
        machine.scheduler.handle(batch, 0)
    assert machine.scheduler.counts(0) == before
    assert machine.state(0) == "running"


def test_need_of_another_run_is_refused(machine):
    machine.begin([])
    events = Events().run(1, seed=1).define_class(1, run=1, step=0, lane=0)
    events.define(run=1, cls=1, first=1, needs=[[0]])
    with pytest.raises(SchedulerError, match=r"^need 0 does not belong to run 1$"):
        machine.tell(events)


@pytest.mark.parametrize("events", [[1, 2], "words", array.array("d", [1.0]), None])
def test_anything_but_a_buffer_of_words_is_a_type_error(machine, events):
    with pytest.raises(TypeError):
        machine.scheduler.handle(events, 0)


def test_bytes_and_words_are_the_same_events(machine):
    events = Events().lane(0, slots=1).run(0, seed=1)
    events.define_class(0, **CLASS).define(run=0, cls=0, first=0, needs=[[]])
    assert list(core.decode(machine.scheduler.handle(bytes(events), 0))) == [Run(0, 1)]


def test_counts_tell_the_units_of_each_step_by_state(machine):
    machine.begin([], [0], [])
    counts = read_counts(machine.scheduler.counts(0))
    assert {state: n for state, n in counts[0].items() if n} == {
        "waiting": 1,
        "ready": 1,
        "running": 1,
    }
    with pytest.raises(SchedulerError, match=r"^no run 8$"):
        machine.scheduler.counts(8)
    with pytest.raises(SchedulerError, match=r"^no unit 3$"):
        machine.scheduler.unit_state(3)


def test_python_scheduler_serves_with_one_warning_where_none_is_compiled():
    """The import of the compiled module fails -> one RuntimeWarning, same results."""
    script = """
import sys, warnings
sys.modules["quantumflow_lab._core"] = None
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from quantumflow_lab import core
    from quantumflow_lab.core import Scheduler
ours = [w for w in caught if "scheduler" in str(w.message)]
print(len(ours), ours[0].category.__name__, Scheduler.__module__)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "1 RuntimeWarning quantumflow_lab._fallback.scheduler\n"
