"""Loop steps that give their slot back; jobs that were perhaps submitted."""

from __future__ import annotations

import pytest

from quantumflow_lab.core import (
    Ask,
    Cause,
    Choice,
    Ended,
    Events,
    Final,
    Find,
    Outcome,
    Resume,
    Run,
    StopJob,
    Submit,
    UnitState,
)

DONE, FAILED, CANCELLED = UnitState.DONE, UnitState.FAILED, UnitState.CANCELLED


def test_parked_unit_gives_its_slot_away_and_waits_to_get_one_back(machine):
    """running -> parked; 1 takes the slot; unparked, 0 resumes when 1 is done."""
    assert machine.begin([], []) == [Run(0, 1)]
    assert machine.tell(Events().parked(0, 1)) == [Run(1, 1)]
    assert machine.tell(Events().unparked(0, 1)) == []
    assert machine.state(0) == "parked"
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Resume(0, 1),
    ]
    assert machine.state(0) == "running"


def test_unparked_unit_goes_before_those_that_have_not_started(machine):
    """parked before ready."""
    machine.begin([], [], [])
    machine.tell(Events().parked(0, 1))
    machine.tell(Events().unparked(0, 1).unparked(0, 1))
    assert machine.tell(Events().done(1, 1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Resume(0, 1),
    ]


def test_parked_and_unparked_in_one_batch_resumes_at_once(machine):
    """running -> parked -> running."""
    machine.begin([])
    assert machine.tell(Events().parked(0, 1).unparked(0, 1)) == [Resume(0, 1)]


def test_children_of_a_finished_need_may_come_in_the_batch_of_its_result(machine):
    """A list known only at run time: done, and one unit per item, before the end."""
    machine.begin([], slots=2)
    events = Events().done(0, 1)
    events.define(run=0, cls=0, first=1, needs=[[0], [0]], parent=0)
    assert machine.tell(events) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Run(1, 1),
        Run(2, 1),
    ]


@pytest.fixture
def doubtful(machine):
    """A job of two members that nobody knows to have arrived."""
    machine.begin([], [], job_limit=9, reserve=6)
    assert machine.tell(Events().doubt(0)) == [Find(0)]
    return machine


def test_found_job_goes_on_as_if_nothing_had_happened(doubtful):
    """sent: intended -> doubtful -> sent -> settled."""
    assert doubtful.tell(Events().found(0)) == []
    assert doubtful.tell(Events().done(0, 1).done(1, 1).settled(0).bill(0, 2)) == [
        Final(0, DONE, 1, Cause.ANSWER),
        Final(1, DONE, 1, Cause.ANSWER),
        Ended(0, Outcome.DONE),
    ]


def test_job_that_is_not_found_is_asked_about_and_not_submitted_again(doubtful):
    """sent -> blocked until the answer."""
    assert doubtful.tell(Events().not_found(0)) == [Ask(0, 0, 0)]
    assert doubtful.state(0) == "blocked"
    assert doubtful.scheduler.money(0) == (0, 6)


def test_resubmitted_job_gets_new_attempts_and_the_old_reserve_is_free(doubtful):
    """blocked -> held -> sent (2)."""
    doubtful.tell(Events().not_found(0))
    assert doubtful.tell(Events().answer(0, Choice.RESUBMIT)) == [
        Submit(1, 0, ((0, 2), (1, 2)))
    ]
    assert doubtful.scheduler.money(0) == (0, 6)


def test_given_up_job_fails_its_members(doubtful):
    """blocked -> failed, cause: given up; a second answer is ignored."""
    doubtful.tell(Events().not_found(0))
    assert doubtful.tell(Events().answer(0, Choice.GIVE_UP)) == [
        Final(0, FAILED, 1, Cause.GIVEN_UP),
        Final(1, FAILED, 1, Cause.GIVEN_UP),
        Ended(0, Outcome.FAILED),
    ]
    assert doubtful.tell(Events().answer(0, Choice.RESUBMIT)) == []


def test_job_found_while_the_user_thinks_closes_the_question(doubtful):
    """blocked -> sent; the answer comes too late to resubmit."""
    doubtful.tell(Events().not_found(0))
    assert doubtful.tell(Events().found(0)) == []
    assert doubtful.state(0) == "sent"
    assert doubtful.tell(Events().answer(0, Choice.RESUBMIT)) == []


def test_cancel_answers_the_question(doubtful):
    """blocked -> cancelled; the job is stopped for the case that it exists."""
    doubtful.tell(Events().not_found(0))
    assert doubtful.tell(Events().cancel_run(0)) == [
        Final(0, CANCELLED, 1, Cause.CANCELLED),
        Final(1, CANCELLED, 1, Cause.CANCELLED),
        StopJob(0),
        Ended(0, Outcome.CANCELLED),
    ]


def test_bill_of_a_job_given_up_is_still_counted(doubtful):
    """It had arrived after all: spent rises, the run stays ended."""
    doubtful.tell(Events().not_found(0))
    doubtful.tell(Events().answer(0, Choice.GIVE_UP))
    assert doubtful.tell(Events().bill(0, 5)) == []
    assert doubtful.scheduler.money(0) == (5, 0)
