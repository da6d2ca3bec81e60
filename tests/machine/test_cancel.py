"""Cancellation of a run, a step, a unit; and of what a unit had asked for."""

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
    Stop,
    StopJob,
    Submit,
    UnitState,
)

DONE, SKIPPED = UnitState.DONE, UnitState.SKIPPED
CANCELLED, ABANDONED = UnitState.CANCELLED, UnitState.ABANDONED


def test_cancelled_run_stops_what_runs_and_drops_the_rest_at_once(machine):
    """running -> stopping -> cancelled; ready and waiting -> cancelled."""
    machine.begin([], [], [0])
    assert machine.tell(Events().cancel_run(0)) == [
        Stop(0, 1),
        Final(1, CANCELLED, 0, Cause.CANCELLED),
        Final(2, CANCELLED, 0, Cause.CANCELLED),
    ]
    assert machine.tell(Events().stopped(0, 1)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Ended(0, Outcome.CANCELLED),
    ]


def test_result_that_arrives_while_stopping_is_kept(machine):
    """running -> stopping -> done; what needs it goes on."""
    machine.begin([], [0])
    assert machine.tell(Events().cancel_unit(0, 0)) == [Stop(0, 1)]
    assert machine.tell(Events().done(0, 1)) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Run(1, 1),
    ]


def test_unit_that_will_not_stop_is_abandoned_and_its_late_result_ignored(machine):
    """running -> stopping -> abandoned; the slot is free after the grace."""
    machine.begin([], [])
    machine.tell(Events().cancel_unit(0, 0), at=1000)
    assert machine.state(0) == "stopping"
    assert machine.tell(Events(), at=1150) == [
        Final(0, ABANDONED, 1, Cause.GRACE_OVER),
        Run(1, 1),
    ]
    assert machine.tell(Events().done(0, 1).stopped(0, 1), at=1200) == []


def test_failure_of_a_stopping_unit_is_not_tried_again(machine):
    """running -> stopping -> cancelled although attempts are left."""
    machine.begin([], attempts=5)
    machine.tell(Events().cancel_unit(0, 0))
    assert machine.tell(Events().failed(0, 1, Reason.TRANSIENT)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Ended(0, Outcome.DONE),
    ]


def test_cancelled_step_skips_the_steps_below(machine):
    """ready -> cancelled; waiting below it -> skipped."""
    events = Events().lane(0, slots=0).run(0, seed=1)
    events.define_class(0, run=0, step=4, lane=0)
    events.define_class(1, run=0, step=5, lane=0)
    events.define(run=0, cls=0, first=0, needs=[[]])
    events.define(run=0, cls=1, first=1, needs=[[0]]).seal(0)
    machine.tell(events)
    assert machine.tell(Events().cancel_step(0, 4)) == [
        Final(0, CANCELLED, 0, Cause.CANCELLED),
        Final(1, SKIPPED, 0, Cause.NEED_FAILED),
        Ended(0, Outcome.DONE),
    ]


def test_member_is_cancelled_alone_while_its_siblings_go_on(machine):
    """sent -> cancelled without a word to the job; its answer is dropped."""
    machine.begin([], [], job_limit=9)
    assert machine.tell(Events().cancel_unit(0, 0)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED)
    ]
    assert machine.tell(Events().done(0, 1).done(1, 1).settled(0)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Ended(0, Outcome.DONE),
    ]


def test_job_is_stopped_when_no_member_is_wanted(machine):
    """sent, sent -> stopping -> cancelled when the job settles."""
    machine.begin([], [], job_limit=9)
    assert machine.tell(Events().cancel_run(0)) == [StopJob(0)]
    assert machine.tell(Events().settled(0)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Final(1, CANCELLED, 1, Cause.CANCELLED),
        Ended(0, Outcome.CANCELLED),
    ]


def test_silent_job_is_abandoned_after_the_grace(machine):
    """sent -> stopping -> abandoned; the job is closed, its last word ignored."""
    machine.begin([], job_limit=9)
    machine.tell(Events().cancel_run(0), at=1000)
    assert machine.tell(Events(), at=1150) == [
        Final(0, ABANDONED, 1, Cause.GRACE_OVER),
        Ended(0, Outcome.CANCELLED),
    ]
    assert machine.tell(Events().settled(0), at=1200) == []


def test_unit_cancelled_in_backoff_never_starts_again(machine):
    """running -> backoff -> cancelled; the timer is gone."""
    machine.begin([], attempts=2, backoff=100, backoff_cap=100)
    machine.tell(Events().failed(0, 1, Reason.TRANSIENT))
    assert machine.tell(Events().cancel_run(0)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Ended(0, Outcome.CANCELLED),
    ]
    assert machine.scheduler.next_wake() is None


def test_unit_that_the_cap_kept_from_starting_says_so(machine):
    """blocked -> cancelled, cause: budget."""
    machine.begin([], cap=1, job_limit=1, reserve=2)
    assert machine.tell(Events().cancel_run(0)) == [
        Final(0, CANCELLED, 0, Cause.BUDGET),
        Ended(0, Outcome.CANCELLED),
    ]


def test_definition_for_a_cancelled_run_is_born_cancelled(machine):
    """A call that crosses the cancel on its way -> cancelled; the run ends once."""
    machine.begin([])
    machine.tell(Events().cancel_run(0))
    assert machine.tell(
        Events().define(run=0, cls=0, first=1, needs=[[]], parent=0)
    ) == [Final(1, CANCELLED, 0, Cause.CANCELLED)]
    assert machine.tell(Events().stopped(0, 1)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Ended(0, Outcome.CANCELLED),
    ]


def loop_with_a_call(machine, **spec):
    """Unit 0 runs on lane 0, has made call 1 on lane 1 and is parked."""
    events = Events().lane(0, slots=1).lane(1, slots=1).run(0, seed=1)
    events.define_class(0, run=0, step=0, lane=0, **spec)
    events.define_class(1, run=0, step=1, lane=1, job_limit=1)
    events.define(run=0, cls=0, first=0, needs=[[]]).seal(0)
    assert machine.tell(events) == [Run(0, 1)]
    call = Events().define(run=0, cls=1, first=1, needs=[[]], parent=0)
    assert machine.tell(call.parked(0, 1)) == [Submit(0, 1, ((1, 1),))]


def test_child_is_cancelled_with_its_parent(machine):
    """parked -> stopping; its call sent -> stopping; both cancelled."""
    loop_with_a_call(machine)
    assert machine.tell(Events().cancel_unit(0, 0)) == [Stop(0, 1), StopJob(0)]
    assert machine.tell(Events().settled(0).stopped(0, 1)) == [
        Final(1, CANCELLED, 1, Cause.CANCELLED),
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Ended(0, Outcome.DONE),
    ]


def test_calls_of_a_failed_attempt_are_cancelled_before_the_next(machine):
    """parked -> backoff -> running (2); the call of attempt 1 is stopped."""
    loop_with_a_call(machine, attempts=2)
    assert machine.tell(Events().failed(0, 1, Reason.LOST)) == [
        Retry(0, 1, 0),
        StopJob(0),
        Run(0, 2),
    ]


def test_calls_of_a_timed_out_parent_are_cancelled_with_it(machine):
    """parked -> failed by the timer; its call sent -> stopping."""
    loop_with_a_call(machine, timeout=500)
    assert machine.tell(Events(), at=500) == [
        Stop(0, 1),
        Final(0, UnitState.FAILED, 1, Cause.TIMEOUT),
        StopJob(0),
    ]
