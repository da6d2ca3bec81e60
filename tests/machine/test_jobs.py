"""Jobs: forming, full, held, settled, stopped; lanes that go down; money."""

from __future__ import annotations

from quantumflow_lab.core import (
    Cause,
    Ended,
    Events,
    Final,
    Outcome,
    Reason,
    Retry,
    Run,
    Short,
    StopJob,
    Submit,
    UnitState,
)

DONE, FAILED, SKIPPED = UnitState.DONE, UnitState.FAILED, UnitState.SKIPPED


def bodies_and_members(machine, count, **spec):
    """Bodies 0 … count-1 on lane 0, and a member for each on lane 1."""
    events = Events().lane(0, slots=count).lane(1, slots=1).run(0, seed=1)
    events.define_class(0, run=0, step=0, lane=0)
    events.define_class(1, run=0, step=0, lane=1, **spec)
    events.define(run=0, cls=0, first=0, needs=[[]] * count)
    events.define(run=0, cls=1, first=count, needs=[[i] for i in range(count)])
    assert machine.tell(events.seal(0)) == [Run(unit, 1) for unit in range(count)]


def test_full_job_leaves_and_the_rest_waits_for_the_slot(machine):
    """held -> sent when the job is full; the next job when the lane has a slot."""
    assert machine.begin([], [], [], job_limit=2) == [Submit(0, 0, ((0, 1), (1, 1)))]
    assert [machine.state(unit) for unit in range(3)] == ["sent", "sent", "held"]
    events = Events().sent(0).done(1, 1).done(0, 1).settled(0)
    assert machine.tell(events) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Final(0, DONE, 1, Cause.ANSWER),
        Submit(1, 0, ((2, 1),)),
    ]


def test_job_waits_until_nothing_else_can_join(machine):
    """held -> sent when the last body is done; members ascend whatever came first."""
    bodies_and_members(machine, 3, job_limit=9)
    assert machine.tell(Events().done(2, 1)) == [Final(2, DONE, 1, Cause.ANSWER)]
    assert machine.tell(Events().done(0, 1)) == [Final(0, DONE, 1, Cause.ANSWER)]
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Submit(0, 1, ((3, 1), (4, 1), (5, 1))),
    ]


def test_held_job_leaves_when_the_last_sibling_fails(machine):
    """held -> sent because the other member was skipped."""
    bodies_and_members(machine, 2, job_limit=9)
    machine.tell(Events().done(0, 1))
    assert machine.state(2) == "held"
    assert machine.tell(Events().failed(1, 1, Reason.PERMANENT)) == [
        Final(1, FAILED, 1, Cause.ANSWER),
        Final(3, SKIPPED, 0, Cause.NEED_FAILED),
        Submit(0, 1, ((2, 1),)),
    ]


def test_hold_ends_the_wait_for_more_members(machine):
    """held -> sent by the timer that started with the first member."""
    bodies_and_members(machine, 2, job_limit=9, hold=100)
    machine.tell(Events().done(0, 1), at=1000)
    assert machine.scheduler.next_wake() == 1100
    assert machine.tell(Events().tick(), at=1100) == [Submit(0, 1, ((2, 1),))]


def test_members_that_need_held_ones_do_not_keep_the_job_waiting(machine):
    """held, and waiting for it in the same class: a standstill, so the job leaves."""
    assert machine.begin([], [0], job_limit=9) == [Submit(0, 0, ((0, 1),))]


def test_members_without_an_answer_are_lost_when_the_job_settles(machine):
    """sent -> backoff -> sent in the next job with attempt 2."""
    machine.begin([], [], job_limit=9, attempts=2)
    assert machine.tell(Events().done(0, 1).settled(0)) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Retry(1, 1, 0),
        Submit(1, 0, ((1, 2),)),
    ]


def test_answer_after_the_job_settled_is_ignored(machine):
    """sent -> backoff -> sent (2): the old job's answer for attempt 1 is late."""
    machine.begin([], job_limit=1, attempts=2)
    machine.tell(Events().settled(0))
    assert machine.tell(Events().done(0, 1).settled(0)) == []
    assert machine.state(0) == "sent"


def test_job_that_takes_too_long_is_stopped_and_closed_after_the_grace(machine):
    """sent -> failed by the timer; the slot is free when the grace is over."""
    machine.begin([], [], job_limit=1, timeout=500)
    assert machine.tell(Events(), at=500) == [
        StopJob(0),
        Final(0, FAILED, 1, Cause.TIMEOUT),
    ]
    assert machine.tell(Events(), at=650) == [Submit(1, 0, ((1, 1),))]


def test_settled_frees_the_slot_of_a_stopped_job_before_the_grace(machine):
    """The provider's last word comes in time; the grace has nothing left to do."""
    machine.begin([], [], job_limit=1, timeout=500)
    machine.tell(Events(), at=500)
    assert machine.tell(Events().settled(0), at=510) == [Submit(1, 0, ((1, 1),))]
    assert machine.scheduler.next_wake() == 1010


def test_lane_that_is_down_blocks_and_releases(machine):
    """held -> blocked -> held -> sent."""
    machine.tell(Events().lane(0, slots=1, up=False).run(0, seed=1))
    events = Events().define_class(0, run=0, step=0, lane=0, job_limit=9)
    events.define(run=0, cls=0, first=0, needs=[[], []]).seal(0)
    assert machine.tell(events) == []
    assert [machine.state(0), machine.state(1)] == ["blocked", "blocked"]
    assert machine.tell(Events().lane(0, slots=1)) == [Submit(0, 0, ((0, 1), (1, 1)))]


def test_cap_blocks_until_a_bill_leaves_room(machine):
    """held -> blocked because 6 + 6 > 10; the bill of 3 makes room for 6."""
    commands = machine.begin([], [], slots=2, cap=10, job_limit=1, reserve=6)
    assert commands == [Submit(0, 0, ((0, 1),))]
    assert machine.state(1) == "blocked"
    assert machine.scheduler.money(0) == (0, 6)
    assert machine.tell(Events().bill(0, 3)) == [Submit(1, 0, ((1, 1),))]
    assert machine.scheduler.money(0) == (3, 6)


def test_raised_cap_releases_what_it_blocked(machine):
    """blocked -> held -> sent; no bill to come could have made room."""
    assert machine.begin([], cap=5, job_limit=1, reserve=6) == [Short(0, 0, 6)]
    assert machine.tell(Events().cap(0, 6)) == [Submit(0, 0, ((0, 1),))]


def test_run_waits_for_the_bill_and_counts_it_once(machine):
    """done, settled; the run ends with the first bill, the second is ignored."""
    machine.begin([], job_limit=1, reserve=6)
    assert machine.tell(Events().done(0, 1).settled(0)) == [
        Final(0, DONE, 1, Cause.ANSWER)
    ]
    assert machine.tell(Events().bill(0, 4)) == [Ended(0, Outcome.DONE)]
    assert machine.tell(Events().bill(0, 5)) == []
    assert machine.scheduler.money(0) == (4, 0)
