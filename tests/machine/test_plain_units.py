"""Plain units: needs, slots, retries, timeouts, known results, turns of runs."""

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
    UnitState,
)

DONE, FAILED, SKIPPED = UnitState.DONE, UnitState.FAILED, UnitState.SKIPPED


def test_need_is_done_and_the_next_unit_gets_its_slot(machine):
    """waiting -> ready -> running -> done, twice."""
    assert machine.begin([], [0]) == [Run(0, 1)]
    assert machine.tell(Events().done(0, 1)) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Run(1, 1),
    ]
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Ended(0, Outcome.DONE),
    ]


def test_units_wait_for_slots_in_the_order_of_their_numbers(machine):
    """ready, ready, ready with two slots: the third starts when one is free."""
    assert machine.begin([], [], [], slots=2) == [Run(0, 1), Run(1, 1)]
    assert machine.state(2) == "ready"
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Run(2, 1),
    ]


def test_failed_need_skips_everything_below_it(machine):
    """running -> failed; waiting -> skipped, and so on down; the run has failed."""
    machine.begin([], [0], [1])
    assert machine.tell(Events().failed(0, 1, Reason.PERMANENT)) == [
        Final(0, FAILED, 1, Cause.ANSWER),
        Final(1, SKIPPED, 0, Cause.NEED_FAILED),
        Final(2, SKIPPED, 0, Cause.NEED_FAILED),
        Ended(0, Outcome.FAILED),
    ]


def test_collecting_unit_runs_when_all_needs_are_final_though_one_failed(machine):
    """waiting (partial=True) -> ready although a need failed."""
    events = Events().lane(0, slots=2).run(0, seed=1)
    events.define_class(0, run=0, step=0, lane=0)
    events.define(run=0, cls=0, first=0, needs=[[], []])
    events.define(run=0, cls=0, first=2, needs=[[0, 1]], collect=True).seal(0)
    assert machine.tell(events) == [Run(0, 1), Run(1, 1)]
    assert machine.tell(Events().failed(0, 1, Reason.PERMANENT)) == [
        Final(0, FAILED, 1, Cause.ANSWER),
    ]
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Run(2, 1),
    ]


def test_transient_failure_backs_off_and_starts_again(machine):
    """running -> backoff -> ready -> running with attempt 2."""
    machine.begin([], attempts=2, backoff=100, backoff_cap=100)
    (retry,) = machine.tell(Events().failed(0, 1, Reason.TRANSIENT), at=1000)
    assert isinstance(retry, Retry)
    assert (retry.unit, retry.attempt) == (0, 1)
    assert 1050 <= retry.wake_us <= 1100
    assert machine.scheduler.next_wake() == retry.wake_us
    assert machine.tell(Events().tick(), at=retry.wake_us - 1) == []
    assert machine.tell(Events().tick(), at=retry.wake_us) == [Run(0, 2)]
    assert machine.scheduler.next_wake() is None


def test_retry_after_is_waited_for_when_it_is_longer(machine):
    """running -> backoff until Retry-After is over."""
    machine.begin([], attempts=2, backoff=1, backoff_cap=1)
    failed = Events().failed(0, 1, Reason.TRANSIENT, retry_after=5000)
    assert machine.tell(failed, at=10) == [Retry(0, 1, 5010)]


def test_attempts_are_used_up_by_lost_workers(machine):
    """running -> backoff -> running -> failed, cause: attempts used."""
    machine.begin([], attempts=2)
    assert machine.tell(Events().failed(0, 1, Reason.LOST)) == [
        Retry(0, 1, 0),
        Run(0, 2),
    ]
    assert machine.tell(Events().failed(0, 2, Reason.LOST)) == [
        Final(0, FAILED, 2, Cause.ATTEMPTS_USED),
        Ended(0, Outcome.FAILED),
    ]


def test_late_answer_of_an_earlier_attempt_is_ignored(machine):
    """running (2): done (1) changes nothing, done (2) counts."""
    machine.begin([], attempts=2)
    machine.tell(Events().failed(0, 1, Reason.LOST))
    assert machine.tell(Events().done(0, 1)) == []
    assert machine.state(0) == "running"
    assert machine.tell(Events().done(0, 2)) == [
        Final(0, DONE, 2, Cause.ANSWER),
        Ended(0, Outcome.DONE),
    ]


def test_second_answer_is_ignored(machine):
    """running -> done; done and failed again change nothing."""
    machine.begin([])
    machine.tell(Events().done(0, 1))
    again = Events().done(0, 1).failed(0, 1, Reason.PERMANENT)
    assert machine.tell(again) == []
    assert machine.state(0) == "done"


def test_timeout_stops_and_fails_at_once_and_frees_the_slot(machine):
    """running -> failed by the timer; the result that comes later is ignored."""
    assert machine.begin([], [], timeout=500) == [Run(0, 1)]
    assert machine.scheduler.next_wake() == 500
    assert machine.tell(Events(), at=500) == [
        Stop(0, 1),
        Final(0, FAILED, 1, Cause.TIMEOUT),
        Run(1, 1),
    ]
    assert machine.tell(Events().done(0, 1), at=510) == []


def test_answer_in_the_batch_of_its_timeout_counts(machine):
    """running -> done: events come before timers."""
    machine.begin([], timeout=500)
    assert machine.tell(Events().done(0, 1), at=500) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Ended(0, Outcome.DONE),
    ]


def test_known_result_is_done_without_running(machine):
    """ready -> done in the batch of its definition; what needs it starts."""
    events = Events().lane(0, slots=1).run(0, seed=1)
    events.define_class(0, run=0, step=0, lane=0)
    events.define(run=0, cls=0, first=0, needs=[[], [0]]).known(0).seal(0)
    assert machine.tell(events) == [Final(0, DONE, 0, Cause.ANSWER), Run(1, 1)]


def test_known_result_of_a_running_unit_is_ignored(machine):
    """running: known changes nothing."""
    machine.begin([])
    assert machine.tell(Events().known(0)) == []
    assert machine.state(0) == "running"


def test_runs_of_equal_priority_take_turns(machine):
    """Two runs with two units each on one slot: 0, 2, 1, 3."""
    events = Events().lane(0, slots=1)
    for run in (0, 1):
        events.run(run, seed=1).define_class(run, run=run, step=0, lane=0)
        events.define(run=run, cls=run, first=2 * run, needs=[[], []]).seal(run)
    started = [c.unit for c in machine.tell(events)]
    for _ in range(3):
        commands = machine.tell(Events().done(started[-1], 1))
        started += [command.unit for command in commands if isinstance(command, Run)]
    assert started == [0, 2, 1, 3]


def test_higher_priority_goes_first(machine):
    """ready (0) and ready (1) at one slot: the larger priority starts."""
    events = Events().lane(0, slots=1).run(0, seed=1)
    events.define_class(0, run=0, step=0, lane=0, priority=0)
    events.define_class(1, run=0, step=1, lane=0, priority=1)
    events.define(run=0, cls=0, first=0, needs=[[]])
    events.define(run=0, cls=1, first=1, needs=[[]])
    assert machine.tell(events) == [Run(1, 1)]


def test_run_without_units_ends_when_it_is_sealed(machine):
    """RUN, SEAL: done."""
    assert machine.tell(Events().run(3, seed=1).seal(3)) == [Ended(3, Outcome.DONE)]
