"""The executor against a cluster that does what a test says: no Dask, no worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.cluster import there
from quantumflow_lab.cluster.executor import WATCH_S, DaskCluster
from quantumflow_lab.cluster.parcels import Answer, Answers, PartEnded, pack, unpack
from quantumflow_lab.cluster.versions import Verdict
from quantumflow_lab.errors import StepFailed, WorkerLost
from quantumflow_lab.ports import (
    Away,
    Came,
    JobEvent,
    JobMetrics,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    Settled,
    Stopped,
)

Key = tuple[int, int]
FITS = Verdict((), ())


class Link:
    """Stands in for a client of Dask; workers answer when the test lets them."""

    address = "tcp://pretended:1"
    alive = connected = True

    def __init__(self) -> None:
        self.there = {"a": 1}
        self.asked: list[tuple[str, Any]] = []
        """Functions of what was told workers, and what."""
        self.sent: list[tuple[Callable[[bytes], bytes], bytes, Future[bytes]]] = []
        self.addresses: list[str] = []
        """Where that went."""
        self.sending = threading.Event()
        """Set while something is on its way."""
        self.go = threading.Event()
        """Lets it arrive."""
        self.go.set()
        self.hang = threading.Event()
        """Lets versions be told."""
        self.hang.set()

    def workers(self) -> dict[str, int]:
        return dict(self.there)

    def verdicts(self) -> dict[str, Verdict]:
        self.hang.wait(30)
        return dict.fromkeys(self.there, FITS)

    def submit(
        self, function: Callable[[bytes], bytes], data: bytes, address: str, key: str
    ) -> Future[bytes]:
        future: Future[bytes] = Future()
        future.key = key  # type: ignore[attr-defined]  # as those of Dask have
        self.sending.set()
        self.go.wait(30)
        self.addresses.append(address)
        self.sent.append((function, data, future))
        return future

    def results(self, futures: list[Future[bytes]]) -> list[bytes]:
        return [future.result() for future in futures]

    def tell(
        self, how: Callable[..., Any], _sender: int, what: list[Any], _: str
    ) -> None:
        self.asked.append((how.__name__, what))

    def cancel(self, futures: list[Future[bytes]]) -> None:
        """Nobody asks for them any more."""

    def close(self) -> None:
        for *_, future in self.sent:
            future.cancel()


class Ended:
    """How points ended."""

    def __init__(self) -> None:
        self.came: dict[Key, Came] = {}
        self.heard = threading.Condition()

    def __call__(self, key: Key, came: Came) -> None:
        with self.heard:
            self.came[key] = came
            self.heard.notify_all()

    def wait(self, count: int) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.came) >= count, 10), self.came


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def cluster(link: Link) -> Iterator[DaskCluster]:
    made = DaskCluster(link, {"a": FITS})  # type: ignore[arg-type]  # a stand-in
    made.learn("code", pack((abs, {})))
    yield made
    link.go.set()
    link.hang.set()
    made.close()


def away(unit: int) -> Away:
    return Away(unit, 1, "code", "run", "step", unit, "aer", dict)


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)


def test_a_stop_that_comes_while_a_point_is_sent_reaches_its_worker(
    link: Link, cluster: DaskCluster
) -> None:
    link.go.clear()
    cluster.call(away(3), Ended())
    assert link.sending.wait(10)
    cluster.stop((3, 1))
    link.go.set()
    wait_for(lambda: link.asked == [("stop_points", [(3, 1)])])


def test_a_cancel_that_comes_while_a_part_is_sent_reaches_its_worker(
    link: Link, cluster: DaskCluster
) -> None:
    told: list[object] = []
    request = JobRequest(8, "t", "sample", "aer", (Member(0, 1, (), 0),), 7)
    link.go.clear()
    cluster.submit(request, told.append, spec=Registry().spec("aer"))
    assert link.sending.wait(10)
    cluster.cancel(8)
    assert told[-1] == Lost(8, "cancelled")
    link.go.set()
    wait_for(lambda: link.sent)
    number = unpack(link.sent[0][1]).number
    wait_for(lambda: link.asked == [("stop_parts", [number])])


def test_a_stop_is_told_once_and_not_after_the_answer(
    link: Link, cluster: DaskCluster
) -> None:
    ended = Ended()
    cluster.call(away(3), ended)
    wait_for(lambda: link.sent)
    cluster.stop((3, 1))
    cluster.stop((3, 1))
    wait_for(lambda: link.asked)
    link.sent[0][2].set_result(pack(Answers((), 0.0)))
    ended.wait(1)
    assert isinstance(ended.came[3, 1].error, Stopped)
    cluster.stop((3, 1))
    cluster.call(away(4), ended)
    wait_for(lambda: len(link.sent) == 2)
    assert link.asked == [("stop_points", [(3, 1)])]


def test_thousands_of_points_that_wait_are_stopped_at_once(
    cluster: DaskCluster,
) -> None:
    many, ended = 10_000, Ended()
    for unit in range(many):
        cluster.call(away(unit), ended)
    began = time.thread_time()
    for unit in reversed(range(1, many)):
        cluster.stop((unit, 1))
    # Each by looking at all that wait, it would be fifty million looks.
    assert time.thread_time() - began < 0.5
    ended.wait(many - 1)


def test_a_function_that_fails_with_what_is_only_there_ends_its_points(
    link: Link, cluster: DaskCluster
) -> None:
    only_there = b"cno_such_module\nOddError\n."
    ended = Ended()
    cluster.call(away(0), ended)
    wait_for(lambda: link.sent)
    link.sent[0][2].set_result(pack(Answers((), 0.0, broken=only_there)))
    ended.wait(1)
    error = ended.came[0, 1].error
    assert isinstance(error, StepFailed)
    assert str(error).startswith(
        "a worker cannot load the function of step 'step': "
        "ModuleNotFoundError: No module named 'no_such_module'; install what it imports"
    )


def test_an_answer_that_is_none_loses_its_points_and_no_others(
    link: Link, cluster: DaskCluster
) -> None:
    ended = Ended()
    cluster.call(away(0), ended)
    wait_for(lambda: link.sent)
    link.sent[0][2].set_result(pack("what is this?"))
    ended.wait(1)
    error = ended.came[0, 1].error
    assert isinstance(error, WorkerLost)
    assert "its answer cannot be read (AttributeError: " in str(error)
    cluster.call(away(1), ended)
    wait_for(lambda: len(link.sent) == 2)
    answer = Answer(1, 1, pack(5), None)
    link.sent[1][2].set_result(pack(Answers((answer,), 0.1)))
    ended.wait(2)
    assert ended.came[1, 1] == Came(5)


def test_a_worker_that_dies_is_noticed_while_a_new_one_is_asked_for_its_versions(
    link: Link, cluster: DaskCluster
) -> None:
    ended = Ended()
    cluster.call(away(0), ended)
    wait_for(lambda: link.sent)
    link.hang.clear()
    link.there = {"b": 1}
    ended.wait(1)
    error = ended.came[0, 1].error
    assert isinstance(error, WorkerLost)
    assert "the worker has left, or died" in str(error)
    assert link.sent[0][0] is there.run_group


def test_the_last_word_on_a_job_comes_after_what_its_other_parts_say(
    link: Link, cluster: DaskCluster
) -> None:
    """Two threads tell them; a result behind the last word would not be taken."""
    told: list[object] = []
    slow, over = threading.Event(), threading.Event()

    def hear(event: JobEvent) -> None:
        if isinstance(event, MemberDone):
            slow.set()
            over.wait(4 * WATCH_S)
        told.append(event)
        if isinstance(event, Lost):
            over.set()

    link.there = {"a": 1, "b": 1}
    wait_for(lambda: cluster.room.threads == 2)
    members = tuple(Member(unit, 1, (), unit) for unit in range(2))
    request = JobRequest(8, "t", "sample", "aer", members, 7)
    cluster.submit(request, hear, spec=Registry().spec("aer"))
    wait_for(lambda: len(link.sent) == 2)
    done = MemberDone(8, 0, 1, ())
    link.sent[0][2].set_result(pack(PartEnded((done, Settled(8, JobMetrics())))))
    assert slow.wait(10)
    link.there = {link.addresses[0]: 1}
    wait_for(lambda: isinstance(told[-1], Lost))
    assert told[-2:] == [done, Lost(8, "the worker has left, or died")]


def test_a_worker_that_comes_later_with_other_versions_is_not_used(
    link: Link, cluster: DaskCluster
) -> None:
    refused = Verdict(("python 3.9 there",), ())
    link.verdicts = lambda: {"b": refused}  # type: ignore[method-assign]
    link.there = {"b": 1}
    wait_for(lambda: cluster.room.workers == 0)
    cluster.call(away(0), Ended())
    time.sleep(2 * WATCH_S)
    assert (link.sent, cluster.room.workers) == ([], 0)


def test_a_worker_that_comes_later_is_used(link: Link, cluster: DaskCluster) -> None:
    rooms: list[int] = []
    cluster.watch(lambda room: rooms.append(room.workers))
    link.there = {}
    wait_for(lambda: rooms == [0])
    cluster.call(away(0), Ended())
    time.sleep(2 * WATCH_S)
    assert not link.sent, "there is nobody to send it to"
    link.there = {"b": 2}
    wait_for(lambda: link.sent)
    assert rooms == [0, 1]
