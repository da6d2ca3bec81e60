"""Deadlines, pauses, and how runs share a lane."""

from __future__ import annotations

from quantumflow_lab.core import (
    Cause,
    Ended,
    Events,
    Final,
    Outcome,
    Resume,
    Run,
    Stop,
    StopJob,
    Submit,
    UnitState,
)

DONE, CANCELLED = UnitState.DONE, UnitState.CANCELLED


def test_deadline_cancels_what_is_not_final_and_the_run_has_failed(machine):
    """running -> stopping -> cancelled; waiting -> cancelled."""
    machine.begin([], [0])
    assert machine.tell(Events().deadline(0, 100)) == []
    assert machine.scheduler.next_wake() == 100
    assert machine.tell(Events(), at=100) == [
        Stop(0, 1),
        Final(1, CANCELLED, 0, Cause.DEADLINE),
    ]
    assert machine.tell(Events().stopped(0, 1), at=110) == [
        Final(0, CANCELLED, 1, Cause.DEADLINE),
        Ended(0, Outcome.FAILED),
    ]


def test_result_that_comes_within_the_grace_of_a_deadline_is_kept(machine):
    """sent -> stopping -> done."""
    machine.begin([], job_limit=1)
    assert machine.tell(Events().deadline(0, 100), at=200) == [StopJob(0)]
    assert machine.tell(Events().done(0, 1).settled(0), at=210) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Ended(0, Outcome.FAILED),
    ]


def test_moved_deadline_counts_and_a_removed_one_does_not(machine):
    """The timer follows."""
    machine.begin([])
    machine.tell(Events().deadline(0, 100).deadline(0, 300))
    assert machine.scheduler.next_wake() == 300
    machine.tell(Events().deadline(0, -1))
    assert machine.scheduler.next_wake() is None


def test_job_with_no_time_to_lose_waits_for_nobody(machine):
    """Its run needs 60 more, the deadline is at 100: it leaves at 40."""
    events = Events().lane(0, slots=2).lane(1, slots=1).run(0, seed=1).deadline(0, 100)
    events.define_class(0, run=0, step=0, lane=0)
    events.define_class(1, run=0, step=0, lane=1, job_limit=9, rank=60)
    events.define(run=0, cls=0, first=0, needs=[[], []])
    events.define(run=0, cls=1, first=2, needs=[[0], [1]]).seal(0)
    machine.tell(events)
    assert machine.tell(Events().done(0, 1), at=10) == [Final(0, DONE, 1, Cause.ANSWER)]
    assert machine.scheduler.next_wake() == 40
    assert machine.tell(Events(), at=40) == [Submit(0, 1, ((2, 1),))]


def test_nothing_of_a_paused_run_starts_and_what_runs_goes_on(machine):
    """ready stays ready; the answer of the running unit counts."""
    machine.begin([], [], [0])
    machine.tell(Events().pause(0))
    assert machine.tell(Events().done(0, 1)) == [Final(0, DONE, 1, Cause.ANSWER)]
    assert [machine.state(1), machine.state(2)] == ["ready", "ready"]
    assert machine.tell(Events().pause(0, paused=False)) == [Run(1, 1)]


def test_parked_unit_of_a_paused_run_goes_on_afterwards(machine):
    """parked -> running when the run goes on."""
    machine.begin([])
    machine.tell(Events().parked(0, 1).pause(0))
    assert machine.tell(Events().unparked(0, 1)) == []
    assert machine.tell(Events().pause(0, paused=False)) == [Resume(0, 1)]


def test_a_lane_that_is_made_during_a_pause_starts_nothing_of_it(machine):
    """The pause holds for lanes to come."""
    machine.tell(Events().run(0, seed=1).pause(0).lane(3, slots=1))
    events = Events().define_class(0, run=0, step=0, lane=3)
    assert machine.tell(events.define(run=0, cls=0, first=0, needs=[[]]).seal(0)) == []


def test_runs_share_a_lane_by_expected_time(machine):
    """Run 0 has units of 30 each, run 1 of 10: three of those for one of the others."""
    events = Events().lane(0, slots=1)
    for run, expected in enumerate((30, 10)):
        events.run(run, seed=1)
        events.define_class(run, run=run, step=0, lane=0, expected=expected)
        events.define(run=run, cls=run, first=6 * run, needs=[[]] * 6).seal(run)
    [first] = machine.tell(events)
    order = [first.unit]
    while len(order) < 8:
        commands = machine.tell(Events().done(order[-1], 1))
        order += [command.unit for command in commands if isinstance(command, Run)]
    assert order == [0, 6, 7, 8, 1, 9, 10, 11]


def test_priority_counts_within_a_run_but_not_between_runs(machine):
    """An urgent step of one run does not keep another run from its turn."""
    events = Events().lane(0, slots=1).run(0, seed=1).run(1, seed=1)
    for cls, (run, priority) in enumerate([(0, 0), (0, 9), (1, 5)]):
        events.define_class(cls, run=run, step=cls, lane=0, priority=priority)
        events.define(run=run, cls=cls, first=2 * cls, needs=[[], []])
    [first] = machine.tell(events.seal(0).seal(1))
    order = [first.unit]
    while len(order) < 6:
        commands = machine.tell(Events().done(order[-1], 1))
        order += [command.unit for command in commands if isinstance(command, Run)]
    assert order == [2, 4, 3, 5, 0, 1]


def test_job_is_stopped_when_only_cancelled_members_are_left_in_it(machine):
    """One member was cancelled alone; when the other has its result, nobody waits."""
    machine.begin([], [], job_limit=2)
    assert machine.tell(Events().cancel_unit(0, 0)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED)
    ]
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        StopJob(0),
    ]
    assert machine.tell(Events().settled(0)) == [Ended(0, Outcome.DONE)]
