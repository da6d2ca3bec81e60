"""The executor of a Dask cluster: two threads that send and collect, one that watches.

Each group of points is one task of Dask, bound to one worker. Dask would run it again
elsewhere when that worker dies; here it is then lost, and the scheduler of the lab says
whether and when its points run again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Coroutine, Iterable
from itertools import count
from queue import Empty, SimpleQueue
from secrets import randbits
from typing import Any, TypeVar

from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.cluster import parts as jobs
from quantumflow_lab.cluster import there
from quantumflow_lab.cluster.link import Link
from quantumflow_lab.cluster.out import Out, Sent
from quantumflow_lab.cluster.packing import (
    pack_group,
    prepare,
    read_answer,
    read_broken,
)
from quantumflow_lab.cluster.parcels import (
    Answers,
    Group,
    Key,
    Part,
    PartEnded,
    pack,
    unpack,
)
from quantumflow_lab.cluster.queue import Load, Queue, Seat, Waiting, WaitingPart
from quantumflow_lab.cluster.versions import Verdict
from quantumflow_lab.errors import WorkerLost
from quantumflow_lab.ports import (
    Accepted,
    Away,
    Came,
    JobEvent,
    JobRequest,
    Lost,
    MaySend,
    Phase,
    Progress,
    Room,
    Stopped,
    may_send,
)
from quantumflow_lab.workers.listeners import tell

WATCH_S = 0.3
"""Seconds between two looks at which workers there are."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
OnEnd = Callable[[Key, Came], None]


class DaskCluster:
    """Steps and jobs of simulators on a Dask cluster; implements ``ports.Cluster``.

    Parameters
    ----------
    link
        The client.
    verdicts
        How versions of the workers compare; those that are refused are not used.
    """

    def __init__(self, link: Link, verdicts: dict[str, Verdict]):
        self._link = link
        self.name = f"dask at {link.address}"
        self._sender = randbits(62)
        self._numbers = count(1)
        self._verdicts = verdicts
        self._codes: dict[str, bytes] = {}
        self._queue = Queue()
        self._out = Out()
        self._wholes: dict[int, jobs.Whole] = {}
        self._listeners: list[Callable[[Room], None]] = []
        self._told: Room | None = None
        self._changed = threading.Condition(threading.RLock())
        self._done: SimpleQueue[str | None] = SimpleQueue()
        self._closed = threading.Event()
        self._gone: str | None = None
        """Why nothing can be sent any more."""
        self._take_workers(link.workers())
        self._threads = [
            threading.Thread(
                target=self._guarded, args=(each,), daemon=True, name="qflow-cluster"
            )
            for each in (self._send_loop, self._collect_loop, self._watch_loop)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def usable(self) -> bool:
        """Whether it has not been closed, or lost."""
        return self._gone is None and not self._closed.is_set() and self._link.alive

    @property
    def connected(self) -> bool:
        """Whether its scheduler is there now; if not, it may come back."""
        return self._link.connected

    @property
    def room(self) -> Room:
        """What it can take at the moment."""
        with self._changed:
            return self._queue.room(self._out.codes)

    def watch(self, changed: Callable[[Room], None]) -> None:
        """Call back when the room is another."""
        with self._changed:
            self._listeners.append(changed)

    def learn(self, code: str, payload: bytes) -> None:
        """Keep the function of a step."""
        with self._changed:
            self._codes[code] = payload

    def forget(self, code: str) -> None:
        """Drop it, with points that still wait."""
        with self._changed:
            self._codes.pop(code, None)
            self._queue.forget(code)
        self._tell_room()

    # Points.

    def call(self, away: Away, on_end: OnEnd) -> None:
        """Run a point; it waits here until a worker is free."""
        with self._changed:
            gone = self._gone
            if gone is None:
                self._queue.add(Waiting(away, on_end))
                self._changed.notify_all()
        if gone is not None:
            on_end(away.key, Came(error=self._lost(away, gone)))

    def stop(self, key: Key) -> None:
        """Stop a point, wherever it is."""
        with self._changed:
            waiting = self._queue.remove(key)
            if waiting is None:
                self._out.stop(key)
                self._changed.notify_all()
        if waiting is not None:
            waiting.on_end(key, Came(error=Stopped()))

    # Jobs (a ``JobExecutor``).

    def submit(
        self,
        request: JobRequest,
        on_event: Callable[[JobEvent], None],
        may_send: MaySend = may_send,
        *,
        spec: BackendSpec | None = None,
    ) -> None:
        """Take a job of a simulator, which needs nobody's leave to be sent."""
        assert spec is not None, "only what can travel is sent here"
        tell(on_event, Accepted(request.job))
        with self._changed:
            pieces = jobs.cut(request, self._queue.threads)
            whole = jobs.Whole(request.job, on_event, len(pieces))
            gone = self._gone
            if gone is None and pieces:
                self._wholes[request.job] = whole
                self._queue.parts.extend(
                    WaitingPart(piece, spec, whole, next(self._numbers))
                    for piece in pieces
                )
                self._changed.notify_all()
        if gone is not None:
            tell(on_event, Lost(request.job, gone))
        elif not pieces:
            tell(on_event, whole.end())
        else:
            tell(on_event, Progress(request.job, Phase.TRANSPILING))

    def cancel(self, job: int) -> None:
        """Stop a job: its parts that wait are dropped, children that run are killed."""
        with self._changed:
            whole = self._wholes.pop(job, None)
            if whole is None:
                return
            whole.over = True
            mine = [part for part in self._queue.parts if part.whole is whole]
            for part in mine:
                self._queue.parts.remove(part)
            self._out.stop_whole(whole)
            self._changed.notify_all()
        tell(whole.on_event, Lost(job, "cancelled"))

    def close(self) -> None:
        """Stop everything; the cluster stays, unless nobody else has it."""
        with self._changed:
            if self._closed.is_set():
                return
            self._closed.set()
            self._out.stop_all()
            self._changed.notify_all()
        self._threads[0].join(timeout=5)
        self._give_up("the lab is closed")
        self._done.put(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=5)
        self._link.close()

    # The thread that sends.

    def _send_loop(self) -> None:
        while True:
            with self._changed:
                chosen = None
                while not self._out.stops and not self._out.part_stops:
                    if self._closed.is_set():
                        return
                    if (chosen := self._queue.next()) is not None:
                        chosen[0].out += 1
                        self._out.leave(chosen[1])
                        break
                    self._changed.wait()
                stops, part_stops = self._out.take_stops()
            self._tell_stops(there.stop_points, stops)
            self._tell_stops(there.stop_parts, part_stops)
            if chosen is not None:
                self._send(*chosen)

    def _tell_stops(
        self, how: Callable[..., Coroutine[Any, Any, None]], stops: dict[str, list[Any]]
    ) -> None:
        for address, what in stops.items():
            try:
                self._link.tell(how, self._sender, what, address)
            except Exception:  # noqa: BLE001 - then the worker, and all it ran, is gone
                _log.debug("worker %s heard of no stop", address, exc_info=True)

    def _send(self, seat: Seat, load: Load) -> None:
        number = next(self._numbers)
        try:
            if isinstance(load, WaitingPart):
                number, function, holds = load.number, there.run_part, load.spec.key
                data = self._part(seat, load)
            else:
                function, holds = there.run_group, load[0].away.code
                packed = self._group(seat, load, number)
                if packed is None:
                    self._leave(seat)
                    return
                data, load = packed
            key = f"qflow-{self._sender:x}-{number}-{next(self._numbers)}"
            future = self._link.submit(function, data, seat.address, key)
        except Exception as error:  # noqa: BLE001 - no worker, or no scheduler
            self._leave(seat)
            self._lose(load, f"{type(error).__name__}: {error}")
            return
        with self._changed:
            seat.holds.add(holds)
            self._out.add(key, Sent(future, seat, load, holds))
            late = self._queue.seats.get(seat.address) is not seat
        future.add_done_callback(lambda f: self._done.put(f.key))
        if late:
            # It left while this was on its way: nobody else would notice.
            self._lose_sent(key, "its worker is gone")

    def _group(
        self, seat: Seat, load: list[Waiting], number: int
    ) -> tuple[bytes, list[Waiting]] | None:
        """The bytes of a group, and who is in it; None if nobody is left."""
        code = load[0].away.code
        if code not in self._codes:
            for waiting in load:
                waiting.on_end(waiting.away.key, Came(error=Stopped()))
            return None
        points = prepare(load)
        payload = None if code in seat.holds else self._codes.get(code)
        packed = pack_group(Group(self._sender, number, code, payload, ()), points)
        if packed is None:
            return None
        data, going, later = packed
        if later:
            self._again(later)
        return data, going

    def _part(self, seat: Seat, load: WaitingPart) -> bytes:
        spec = None if load.spec.key in seat.holds else pack(load.spec)
        request = pack(load.request)
        return pack(Part(self._sender, load.number, request, spec, load.spec.key))

    # The thread that collects.

    def _collect_loop(self) -> None:
        while True:
            keys = [self._done.get()]
            while True:
                try:
                    keys.append(self._done.get_nowait())
                except Empty:
                    break
            if None in keys:
                return
            with self._changed:
                out = self._out.sent
                here = [out[k] for k in keys if k is not None and k in out]
            values = self._link.results([sent.future for sent in here])
            for sent, value in zip(here, values, strict=True):
                if self._take_back(sent):
                    self._ended(sent, value)
            self._tell_room()

    def _take_back(self, sent: Sent) -> bool:
        """Free the seat; False if somebody has done so, and all was told."""
        with self._changed:
            if not self._out.take(sent.future.key):
                return False
        self._leave(sent.seat)
        return True

    def _leave(self, seat: Seat) -> None:
        with self._changed:
            seat.out -= 1
            self._changed.notify_all()

    def _ended(self, sent: Sent, value: bytes | Exception) -> None:
        if isinstance(value, Exception):
            self._lose(sent.load, f"{type(value).__name__}: {value}")
            return
        try:
            self._read(sent, unpack(value))
        except Exception as error:  # noqa: BLE001 - unpickling runs foreign code
            told = f"{type(error).__name__}: {error}"
            self._lose(sent.load, f"its answer cannot be read ({told})")

    def _read(self, sent: Sent, came: Answers | PartEnded) -> None:
        if came.unknown:
            with self._changed:
                sent.seat.holds.discard(sent.holds)
            self._again(sent.load)
        elif isinstance(came, PartEnded):
            assert isinstance(sent.load, WaitingPart), "it answers what was asked"
            self._part_ended(sent.load, came.events)
        else:
            assert isinstance(sent.load, list), "it answers what was asked"
            self._group_ended(sent.load, came)

    def _group_ended(self, load: list[Waiting], came: Answers) -> None:
        if came.broken is not None:
            for waiting in load:
                error = read_broken(came.broken, waiting.away.step)
                waiting.on_end(waiting.away.key, Came(error=error))
            return
        with self._changed:
            if (pace := self._queue.paces.get(load[0].away.code)) is not None:
                pace.heard(len(came.answers), came.seconds)
        answers = {answer.key: answer for answer in came.answers}
        unanswered: list[Waiting] = []
        for waiting in load:
            key = waiting.away.key
            if (answer := answers.get(key)) is None:
                unanswered.append(waiting)
                continue
            waiting.on_end(key, read_answer(answer))
        self._again(unanswered)

    def _again(self, load: Load) -> None:
        """What has not run goes once more, unless it was stopped."""
        if isinstance(load, WaitingPart):
            with self._changed:
                self._queue.parts.appendleft(load)
                self._changed.notify_all()
            return
        ended = [waiting for waiting in load if waiting.stopped]
        with self._changed:
            for waiting in reversed(load):
                if not waiting.stopped:
                    self._queue.add(waiting, first=True)
            self._changed.notify_all()
        for waiting in ended:
            waiting.on_end(waiting.away.key, Came(error=Stopped()))

    def _part_ended(self, part: WaitingPart, events: Iterable[JobEvent]) -> None:
        # What another part says is told before the last word, or after it never.
        with part.whole.telling:
            with self._changed:
                told = part.whole.take(tuple(events))
                if part.whole.over:
                    self._wholes.pop(part.whole.job, None)
            for event in told:
                tell(part.whole.on_event, event)

    # What is lost.

    def _lose(self, load: Load, why: str) -> None:
        if isinstance(load, WaitingPart):
            self._part_ended(load, [Lost(load.request.job, why)])
            return
        for waiting in load:
            stopped = Came(error=Stopped())
            lost = Came(error=self._lost(waiting.away, why))
            waiting.on_end(waiting.away.key, stopped if waiting.stopped else lost)

    def _lost(self, away: Away, why: str) -> WorkerLost:
        return WorkerLost(
            f"step '{away.step}' lost its worker on {self.name}: {why}", step=away.step
        )

    def _lose_sent(self, key: str, why: str) -> None:
        with self._changed:
            sent = self._out.sent.get(key)
        if sent is not None and self._take_back(sent):
            try:
                self._link.cancel([sent.future])
            except Exception:  # noqa: BLE001 - the scheduler is gone as well
                _log.debug("a task was not cancelled", exc_info=True)
            self._lose(sent.load, why)

    def _give_up(self, why: str) -> None:
        """Nothing more comes: all that is out or waits is lost."""
        with self._changed:
            self._gone = why
            out = list(self._out.sent)
            self._queue.seats.clear()
            points, parts = self._queue.clear()
        for key in out:
            self._lose_sent(key, why)
        self._lose(points, why)
        for part in parts:
            self._lose(part, why)
        self._tell_room()

    def _guarded(self, loop: Callable[[], None]) -> None:
        """Run one of the threads: without it points would wait for ever."""
        try:
            loop()
        except Exception as error:  # noqa: BLE001 - a bug, which is told
            _log.exception("a thread of %s failed", self.name)
            self._give_up(f"the lab failed there ({type(error).__name__}: {error})")

    # The thread that watches.

    def _watch_loop(self) -> None:
        while not self._closed.wait(WATCH_S):
            if self._gone is not None:
                return
            if (workers := self._asked(self._link.workers)) is None:
                continue
            # First, since one that has come may be long in telling its versions.
            self._take_workers(workers)
            if workers.keys() - self._verdicts.keys():
                self._verdicts |= self._asked(self._link.verdicts) or {}
                self._take_workers(workers)
            self._tell_room()

    def _asked(self, ask: Callable[[], dict[str, T]]) -> dict[str, T] | None:
        """What the scheduler of Dask says; None if it says nothing, or is gone."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - a network raises anything
            if not self._link.alive or isinstance(error, OSError):
                self._give_up(f"the cluster is gone ({type(error).__name__})")
            return None

    def _take_workers(self, workers: dict[str, int]) -> None:
        """Use the workers there are now, and let go of those that have left."""
        with self._changed:
            seats = self._queue.seats
            left = [seats.pop(address) for address in seats.keys() - workers.keys()]
            for address, threads in workers.items():
                verdict = self._verdicts.get(address)
                if verdict is None or verdict.refused:
                    continue
                if address in seats:
                    seats[address].threads = threads
                else:
                    seats[address] = Seat(address, threads)
            lost = self._out.of(left)
            self._changed.notify_all()
        for key in lost:
            self._lose_sent(key, "the worker has left, or died")

    def _tell_room(self) -> None:
        with self._changed:
            room = self.room
            if room == self._told:
                return
            self._told = room
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(room)
