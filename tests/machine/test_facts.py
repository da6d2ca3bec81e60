"""A fresh scheduler that is fed with the facts of an earlier one."""

from __future__ import annotations

from quantumflow_lab.core import (
    Cause,
    Ended,
    Events,
    Final,
    Find,
    Outcome,
    Short,
    StopJob,
    Submit,
    UnitState,
)

DONE = UnitState.DONE


def facts(machine, **spec):
    """Two bodies with known results, and their members, not told to start yet."""
    events = Events().lane(0, slots=2).lane(1, slots=1).run(0, seed=1, cap=10)
    events.define_class(0, run=0, step=0, lane=0)
    events.define_class(1, run=0, step=1, lane=1, job_limit=9, reserve=4, **spec)
    events.define(run=0, cls=0, first=0, needs=[[], []])
    events.define(run=0, cls=1, first=2, needs=[[0], [1]])
    return events.known(0).known(1)


def known():
    """What is heard of the bodies."""
    return [Final(0, DONE, 0, Cause.ANSWER), Final(1, DONE, 0, Cause.ANSWER)]


def test_adopted_job_is_followed_and_never_submitted_again(machine):
    """held -> sent without a command; the answer of the old attempt counts."""
    events = facts(machine).adopt(1, 0, members=[(2, 3), (3, 1)], reserve=4).seal(0)
    assert machine.tell(events) == known()
    assert machine.scheduler.money(0) == (0, 4)
    events = Events().done(2, 3).done(3, 1).settled(0).bill(0, 2)
    assert machine.tell(events) == [
        Final(2, DONE, 3, Cause.ANSWER),
        Final(3, DONE, 1, Cause.ANSWER),
        Ended(0, Outcome.DONE),
    ]


def test_members_that_no_adopted_job_has_are_submitted(machine):
    """The lane has one slot, which the adopted job takes."""
    events = facts(machine).adopt(1, 0, members=[(2, 1)]).seal(0)
    assert machine.tell(events) == known()
    assert machine.tell(Events().done(2, 1).settled(0).bill(0, 0)) == [
        Final(2, DONE, 1, Cause.ANSWER),
        Submit(1, 1, ((3, 1),)),
    ]


def test_adopted_job_in_doubt_is_looked_for(machine):
    """Nothing is submitted again without proof."""
    events = facts(machine).adopt(1, 0, members=[(2, 1), (3, 1)], doubtful=True)
    assert machine.tell(events.seal(0)) == [*known(), Find(0)]
    assert machine.tell(Events().found(0)) == []


def test_adopted_job_that_nobody_waits_for_is_stopped(machine):
    """Its members are known by now; the run ends with the job's last word."""
    events = facts(machine).known(2).known(3).adopt(1, 0, members=[(2, 1)]).seal(0)
    assert machine.tell(events)[-1] == StopJob(0)
    assert machine.tell(Events().settled(0).bill(0, 0)) == [Ended(0, Outcome.DONE)]


def test_money_spent_before_counts_against_the_cap(machine):
    """7 of 10 are gone, a job may cost 4."""
    assert machine.tell(facts(machine).spent(0, 7).seal(0))[-1] == Short(0, 1, 4)
    assert machine.scheduler.money(0) == (7, 0)


def test_late_answer_of_an_adopted_job_is_not_credited_to_the_next_attempt(machine):
    """Unit 3 still needs unit 1, so the adopted job is not its own any more."""
    events = Events().lane(0, slots=2).lane(1, slots=2).run(0, seed=1)
    events.define_class(0, run=0, step=0, lane=0)
    events.define_class(1, run=0, step=1, lane=1, job_limit=9)
    events.define(run=0, cls=0, first=0, needs=[[], []])
    events.define(run=0, cls=1, first=2, needs=[[0], [1]]).known(0)
    machine.tell(events.adopt(1, 0, members=[(2, 1), (3, 1)]).seal(0))
    assert machine.tell(Events().done(1, 1))[-1] == Submit(1, 1, ((3, 2),))
    assert machine.tell(Events().done(3, 1)) == []


def test_earlier_attempts_cannot_be_adopted_again(machine):
    """An adopted attempt is later than every attempt of this scheduler."""
    events = facts(machine).adopt(1, 0, members=[(2, 1), (3, 1)]).seal(0)
    machine.tell(events)
    machine.tell(Events().adopt(1, 0, members=[(2, 1)]))
    assert machine.tell(Events().done(2, 1)) == [Final(2, DONE, 1, Cause.ANSWER)]
