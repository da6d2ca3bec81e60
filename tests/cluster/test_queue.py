"""Who gets what next, and what a job in parts comes to: no cluster, no clock."""

from __future__ import annotations

from quantumflow_lab.cluster.parts import Whole, cut
from quantumflow_lab.cluster.queue import Queue, Seat, Waiting
from quantumflow_lab.ports import (
    Away,
    JobMetrics,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    Settled,
)


def waiting(unit: int, attempt: int = 1) -> Waiting:
    away = Away(unit, attempt, "code", "run", "step", unit, "aer", dict)
    return Waiting(away, lambda _key, _came: None)


def queue(points: int, threads: int = 2) -> Queue:
    made = Queue({"a": Seat("a", threads)})
    for unit in range(points):
        made.add(waiting(unit))
    return made


def sizes(made: Queue) -> list[int]:
    """What is sent, until nothing can be."""
    found = []
    while (chosen := made.next()) is not None:
        seat, load = chosen
        assert isinstance(load, list)
        seat.out += 1
        found.append(len(load))
    return found


def test_points_of_unknown_length_go_one_by_one_to_each_thread() -> None:
    assert sizes(queue(10)) == [1, 1]


def test_quick_points_go_in_groups_and_one_group_ahead() -> None:
    made = queue(1000)
    made.paces["code"].heard(points=1, seconds=0.001)
    assert sizes(made) == [100, 100, 100, 100]


def test_the_last_points_are_spread_over_the_threads() -> None:
    made = queue(10)
    made.paces["code"].heard(points=1, seconds=0.001)
    assert sizes(made) == [5, 3]


def test_a_second_try_travels_alone() -> None:
    made = queue(0)
    for unit in range(4):
        made.add(waiting(unit, attempt=2))
    made.paces["code"].heard(points=1, seconds=0.001)
    assert sizes(made) == [1, 1]


def test_the_slowest_step_in_work_says_how_many_may_be_out() -> None:
    made = queue(10)
    assert made.room(set()).points == 2
    made.paces["code"].heard(points=1, seconds=0.001)
    assert made.room(set()).points == 600


def request(members: int) -> JobRequest:
    made = tuple(Member(unit, 1, (), unit) for unit in range(members))
    return JobRequest(1, "t", "sample", "aer", made, 7)


def test_a_job_is_cut_for_all_threads_and_keeps_its_seeds() -> None:
    parts = cut(request(10), threads=3)
    assert [[m.seed_index for m in part.members] for part in parts] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8, 9],
    ]
    assert {part.seed for part in parts} == {7}
    assert [len(part.members) for part in cut(request(2), threads=9)] == [1, 1]


def test_a_lost_part_loses_the_job_once_the_others_have_ended() -> None:
    told: list[object] = []
    whole = Whole(1, told.append, open=2)
    done = MemberDone(1, 5, 1, ())
    assert whole.take([Lost(1, "it died")]) == []
    assert whole.take([done, Settled(1, JobMetrics(shots=3))]) == [
        done,
        Lost(1, "it died"),
    ]


def test_parts_that_have_settled_make_one_job_again() -> None:
    whole = Whole(1, lambda _event: None, open=2)
    assert whole.take([Settled(1, JobMetrics(shots=3, depth=5))]) == []
    (end,) = whole.take([Settled(1, JobMetrics(shots=4, depth=2))])
    assert end == Settled(1, JobMetrics(shots=7, depth=5))
