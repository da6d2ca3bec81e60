"""Lanes that are spared, limited, or left for another one."""

from __future__ import annotations

from quantumflow_lab.core import (
    Cause,
    Ended,
    Events,
    Final,
    Moved,
    Outcome,
    Reason,
    Rest,
    Retry,
    Run,
    Short,
    Submit,
    UnitState,
)

DONE, FAILED = UnitState.DONE, UnitState.FAILED


def two_lanes(machine, *, units=1, cap=-1, slots=1, other=None, **spec):
    """Members of class 0 on lane 0 that may go to lane 1."""
    events = Events().lane(0, slots=slots).lane(1, slots=slots).run(0, seed=1, cap=cap)
    events.define_class(0, run=0, step=0, lane=0, job_limit=1, **spec)
    events.other_way(0, 1, **{"job_limit": 1, **(other or {})})
    events.define(run=0, cls=0, first=0, needs=[[]] * units).seal(0)
    return machine.tell(events)


def test_bucket_lets_a_burst_start_and_then_one_each_period(machine):
    """ready -> running, twice at once, then when the lane opens again."""
    machine.tell(Events().lane(0, slots=9).guard(0, burst=2, period=100))
    assert machine.begin([], [], [], [], slots=9) == [Run(0, 1), Run(1, 1)]
    assert machine.scheduler.next_wake() == 100
    assert machine.tell(Events(), at=100) == [Run(2, 1)]
    assert machine.tell(Events(), at=200) == [Run(3, 1)]


def test_job_is_full_at_the_circuits_that_its_lane_takes(machine):
    """2 + 2 circuits fit into 5, a third pair does not."""
    machine.tell(Events().lane(0, slots=1).limits(0, circuits=5))
    machine.tell(Events().run(0, seed=1))
    events = Events().define_class(0, run=0, step=0, lane=0, job_limit=9)
    events.define(run=0, cls=0, first=0, needs=[[], [], []])
    for unit in range(3):
        events.weight(unit, circuits=2)
    assert machine.tell(events.seal(0)) == [Submit(0, 0, ((0, 1), (1, 1)))]


def test_a_member_beyond_the_limits_goes_alone(machine):
    """Whether it is too big is for the backend to say."""
    machine.tell(Events().lane(0, slots=2).limits(0, shots=100, payload=9))
    machine.tell(Events().run(0, seed=1))
    events = Events().define_class(0, run=0, step=0, lane=0, job_limit=9)
    events.define(run=0, cls=0, first=0, needs=[[], [], []]).weight(1, shots=101)
    assert machine.tell(events.seal(0)) == [
        Submit(0, 0, ((0, 1),)),
        Submit(1, 0, ((1, 1),)),
    ]


def test_job_that_was_too_big_comes_again_in_halves(machine):
    """sent -> backoff -> held -> sent, without waiting and without losing a try."""
    assert machine.begin([], [], [], [], slots=2, job_limit=9) == [
        Submit(0, 0, ((0, 1), (1, 1), (2, 1), (3, 1)))
    ]
    events = Events()
    for unit in range(4):
        events.failed(unit, 1, Reason.TOO_BIG)
    assert machine.tell(events.settled(0)) == [
        *(Retry(unit, 1, 0) for unit in range(4)),
        Submit(1, 0, ((0, 2), (1, 2))),
        Submit(2, 0, ((2, 2), (3, 2))),
    ]


def test_a_single_member_that_is_too_big_has_failed(machine):
    """sent -> failed."""
    machine.begin([], job_limit=9, attempts=3)
    assert machine.tell(Events().failed(0, 1, Reason.TOO_BIG))[0] == Final(
        0, FAILED, 1, Cause.ANSWER
    )


def test_retry_after_keeps_the_whole_lane_waiting(machine):
    """One job was told to come back later: the others wait as well."""
    machine.begin([], [], job_limit=1, attempts=2)
    events = Events().failed(0, 1, Reason.TRANSIENT, retry_after=500).settled(0)
    assert machine.tell(events, at=10) == [Retry(0, 1, 510)]
    assert machine.tell(Events(), at=510) == [Submit(1, 0, ((0, 2),))]


def test_lane_rests_after_failures_in_a_row_and_then_tries_one_job(machine):
    """Two failed jobs trip it; after the rest one job at a time until one succeeds."""
    machine.tell(Events().lane(0, slots=2).guard(0, trip=2, rest=100))
    machine.begin([], [], [], [], slots=2, job_limit=1, attempts=3)
    fails = Events().failed(0, 1, Reason.LOST).failed(1, 1, Reason.LOST)
    assert machine.tell(fails.settled(0).settled(1), at=5) == [
        Retry(0, 1, 5),
        Retry(1, 1, 5),
        Rest(0, 105),
    ]
    assert machine.tell(Events(), at=105) == [Submit(2, 0, ((0, 2),))]
    assert machine.tell(Events().done(0, 2).settled(2), at=110) == [
        Final(0, DONE, 2, Cause.ANSWER),
        Rest(0, -1),
        Submit(3, 0, ((1, 2),)),
        Submit(4, 0, ((2, 1),)),
    ]


def test_class_leaves_a_lane_that_goes_down_and_stays_where_it_went(machine):
    """held -> blocked -> held on the other lane; a job that is out stays out."""
    assert two_lanes(machine, units=3) == [Submit(0, 0, ((0, 1),))]
    assert machine.tell(Events().lane(0, slots=1, up=False)) == [
        Moved(0, 1),
        Submit(1, 1, ((1, 1),)),
    ]
    assert machine.tell(Events().lane(0, slots=1).done(0, 1).settled(0)) == [
        Final(0, DONE, 1, Cause.ANSWER)
    ]
    assert machine.tell(Events().done(1, 1).settled(1)) == [
        Final(1, DONE, 1, Cause.ANSWER),
        Submit(2, 1, ((2, 1),)),
    ]


def test_refused_work_goes_to_the_next_lane_and_never_back(machine):
    """sent -> backoff -> held elsewhere; the last lane's refusal is final."""
    two_lanes(machine)
    assert machine.tell(Events().failed(0, 1, Reason.REFUSED).settled(0)) == [
        Retry(0, 1, 0),
        Moved(0, 1),
        Submit(1, 1, ((0, 2),)),
    ]
    events = Events().failed(0, 2, Reason.REFUSED)
    assert machine.tell(events)[0] == Final(0, FAILED, 2, Cause.ANSWER)


def test_each_lane_grants_the_attempts_anew(machine):
    """Two tries on lane 0, two on lane 1, then failed."""
    two_lanes(machine, attempts=2)
    fate = []
    for attempt in range(1, 5):
        job = attempt - 1
        fail = Events().failed(0, attempt, Reason.TRANSIENT).settled(job)
        commands = machine.tell(fail)
        fate.append([type(command).__name__ for command in commands])
    assert fate == [
        ["Retry", "Submit"],
        ["Retry", "Moved", "Submit"],
        ["Retry", "Submit"],
        ["Final", "Ended"],
    ]


def test_class_passes_over_a_lane_that_it_cannot_afford(machine):
    """Down, and the other one costs 8 of 5: blocked until the first is up again."""
    machine.tell(Events().lane(0, slots=1, up=False))
    two_lanes(machine, cap=5, reserve=2, other={"reserve": 8})
    # Defining the lane again has put it up, so take it down with the job out.
    assert machine.state(0) == "sent"
    machine.tell(Events().failed(0, 1, Reason.PERMANENT).settled(0).bill(0, 0))
    events = Events().run(1, seed=1, cap=5).lane(0, slots=1, up=False)
    events.define_class(1, run=1, step=0, lane=0, job_limit=1, reserve=2)
    events.other_way(1, 1, job_limit=1, reserve=8)
    events.define(run=1, cls=1, first=1, needs=[[]]).seal(1)
    assert machine.tell(events) == []
    assert machine.state(1) == "blocked"
    assert machine.tell(Events().cap(1, 9)) == [Moved(1, 1), Submit(1, 1, ((1, 1),))]


def test_class_that_is_short_of_money_goes_where_it_can_pay(machine):
    """held -> blocked by its price -> held on the cheaper lane -> sent."""
    terms = {"per_circuit": 1, "per_shot": 1}
    assert two_lanes(machine, cap=5, reserve=6, other=terms) == [
        Moved(0, 1),
        Submit(0, 1, ((0, 1),)),
    ]
    assert machine.scheduler.money(0) == (0, 1)


def test_price_of_a_job_counts_its_circuits_and_shots(machine):
    """2 for the job, 3 for each of 4 circuits, 1 for each of 100 shots."""
    machine.tell(Events().lane(0, slots=1).run(0, seed=1))
    events = Events().define_class(
        0, run=0, step=0, lane=0, job_limit=9, reserve=2, per_circuit=3, per_shot=1
    )
    events.define(run=0, cls=0, first=0, needs=[[]]).weight(0, circuits=4, shots=100)
    machine.tell(events.seal(0))
    assert machine.scheduler.money(0) == (0, 114)


def test_a_rest_that_ends_with_an_answer_frees_the_other_way_on_the_lane(machine):
    """blocked -> held -> sent when the rest is over, whatever else comes then."""
    machine.tell(Events().lane(0, slots=3).guard(0, trip=1, rest=10).run(0, seed=1))
    events = Events().define_class(0, run=0, step=0, lane=0, job_limit=1)
    events.other_way(0, 0, job_limit=1)
    machine.tell(events.define(run=0, cls=0, first=0, needs=[[], []]).seal(0))
    lost = machine.tell(Events().failed(0, 1, Reason.LOST).settled(0), at=5)
    assert lost == [Retry(0, 1, 5), Rest(0, 15)]
    done = Events().failed(1, 1, Reason.PERMANENT).settled(1)
    assert machine.tell(done, at=15) == [
        Final(1, FAILED, 1, Cause.ANSWER),
        Moved(0, 1),
        Submit(2, 0, ((0, 2),)),
    ]


def test_class_that_can_pay_for_no_way_that_is_left_says_so(machine):
    """sent -> backoff -> blocked: given up here, and 40 of 20 there."""
    two_lanes(machine, cap=20, reserve=1, other={"reserve": 40})
    events = Events().failed(0, 1, Reason.TRANSIENT).settled(0).bill(0, 0)
    assert machine.tell(events) == [Retry(0, 1, 0), Short(0, 0, 40)]
    assert machine.state(0) == "blocked"
    moved = [Moved(0, 1), Submit(1, 1, ((0, 2),))]
    assert machine.tell(Events().cap(0, 40)) == moved


def test_jobs_that_were_cut_grow_again_with_each_that_succeeds(machine):
    """One bad unit: 8 -> 4 -> 2 -> 1, then 1, 2 and so on."""
    machine.tell(Events().lane(0, slots=1).run(0, seed=1))
    events = Events().define_class(0, run=0, step=0, lane=0, job_limit=8)
    [submit] = machine.tell(
        events.define(run=0, cls=0, first=0, needs=[[]] * 16).seal(0)
    )
    sizes = []
    while True:
        sizes.append(len(submit.members))
        answers = Events()
        bad = any(unit == 0 for unit, _ in submit.members)
        for unit, attempt in submit.members:
            if not bad:
                answers.done(unit, attempt)
            elif len(submit.members) > 1:
                answers.failed(unit, attempt, Reason.TOO_BIG)
            else:
                answers.failed(unit, attempt, Reason.PERMANENT)
        commands = machine.tell(answers.settled(submit.job))
        submits = [c for c in commands if isinstance(c, Submit)]
        if not submits:
            break
        [submit] = submits
    assert sizes == [8, 4, 2, 1, 1, 2, 3, 4, 5]


def test_job_in_doubt_that_was_given_up_does_not_keep_its_run_open(machine):
    """doubtful -> stopped -> closed by the grace; not found: nobody will bill it."""
    machine.begin([], job_limit=1, reserve=10)
    machine.tell(Events().doubt(0).cancel_run(0))
    machine.tell(Events(), at=1000)
    assert machine.tell(Events().not_found(0), at=2000) == [Ended(0, Outcome.CANCELLED)]
    assert machine.scheduler.money(0) == (0, 0)
