"""The slower way of `get`, for callbacks: each task is a unit, one event at a time.

Dask's callbacks (`ProgressBar`, `Profiler`, `Cache`, …) read and even change the state
of Dask's own loop. So that state is kept by Dask's own functions, in the thread that
calls `get`; what starts when is decided by the scheduler as everywhere.
"""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import get_ident
from typing import TYPE_CHECKING, Any

from quantumflow_lab.core import Events, Scheduler, decode
from quantumflow_lab.core import Run as Start

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator, MutableMapping

    from quantumflow_lab.graph.threads import Threads


def observed(
    graph: dict[Any, Any],
    wanted: Collection[Hashable],
    threads: Threads,
    *,
    callbacks: Any,
    cache: MutableMapping[Any, Any] | None,
    rerun: bool,
) -> dict[Hashable, Any]:
    """The value of each wanted key; `callbacks` are told what happens."""
    from dask._task_spec import convert_legacy_graph
    from dask.callbacks import local_callbacks
    from dask.local import start_state_from_dask
    from dask.order import order

    nodes = convert_legacy_graph(graph)
    with local_callbacks(callbacks) as active:
        told: list[Any] = []
        state: dict[str, Any] = {}
        failed = True
        try:
            for callback in active:
                if callback[0]:
                    callback[0](nodes)
                told.append(callback)
            rank = order(nodes).get
            state = start_state_from_dask(nodes, cache, rank, set(wanted))
            for callback in active:
                if callback[1]:
                    callback[1](nodes, state)
            Loop(nodes, state, set(wanted), rank, threads, active, rerun).run()
            failed = False
        finally:
            for callback in told:
                if callback[4]:
                    callback[4](nodes, state, failed)
    return {key: state["cache"][key] for key in wanted}


class Loop:
    """One run: keeps Dask's state while the scheduler decides."""

    def __init__(
        self,
        nodes: dict[Any, Any],
        state: dict[str, Any],
        wanted: set[Hashable],
        rank: Callable[[Any], Any],
        threads: Threads,
        callbacks: Collection[Any],
        rerun: bool,
    ) -> None:
        self.nodes, self.state, self.wanted, self.rank = nodes, state, wanted, rank
        self.threads, self.rerun = threads, rerun
        self.before = [callback[2] for callback in callbacks if callback[2]]
        self.after = [callback[3] for callback in callbacks if callback[3]]
        # Dask's order has needs first, and is kind to memory.
        self.keys = sorted([*state["waiting"], *state["ready"]], key=rank)
        self.answers: SimpleQueue[Any] = SimpleQueue()
        self.context = copy_context()

    def run(self) -> None:
        """Run all tasks; raises what a task raises."""
        number = {key: unit for unit, key in enumerate(self.keys)}
        waiting = self.state["waiting"]
        needs = [[number[need] for need in waiting.get(k, ())] for k in self.keys]
        events = Events().lane(0, slots=self.threads.count).run(0, seed=0)
        events.define_class(0, run=0, step=0, lane=0)
        events.define(run=0, cls=0, first=0, needs=needs).seal(0)
        scheduler = Scheduler(seed=0)
        self.start(scheduler.handle(events, 0))
        while self.state["running"]:
            key, result, thread, error = self.answers.get()
            if error is not None:
                self.raise_(key, error)
            self.finish(key, result, thread)
            self.start(scheduler.handle(Events().done(number[key], 1), 0))

    def start(self, commands: bytes) -> None:
        """Start what the scheduler says."""
        for key in self.started(commands):
            self.state["ready"].remove(key)
            self.state["running"].add(key)
            for tell in self.before:
                tell(key, self.nodes, self.state)
            work = partial(self.work, key, self.data(key))
            lost = partial(self.lost, key)
            self.threads.start(partial(self.context.copy().run, work), lost)

    def started(self, commands: bytes) -> Iterator[Hashable]:
        """The keys of the units that may start."""
        for command in decode(commands):
            if isinstance(command, Start):
                yield self.keys[command.unit]

    def data(self, key: Hashable) -> dict[Hashable, Any]:
        """What a task needs, by key."""
        cache = self.state["cache"]
        return {need: cache[need] for need in self.state["dependencies"][key]}

    def work(self, key: Hashable, data: dict[Hashable, Any]) -> None:
        """Run one task, in a thread."""
        result, failure = None, None
        try:
            result = self.nodes[key](data)
        except BaseException as error:  # noqa: BLE001  # the caller raises it
            failure = error
        self.answers.put((key, result, get_ident(), failure))

    def lost(self, key: Hashable, error: BaseException) -> None:
        """Take note that the pool does not run a task."""
        self.answers.put((key, None, None, error))

    def raise_(self, key: Hashable, error: BaseException) -> None:
        """Raise the error of a task; if asked for, where a debugger can see it."""
        if self.rerun:
            self.nodes[key](self.data(key))
        raise error

    def finish(self, key: Hashable, result: Any, thread: Any) -> None:
        """Keep a result, forget those that nobody needs any more."""
        from dask.local import finish_task

        self.state["cache"][key] = result
        finish_task(self.nodes, key, self.state, self.wanted, self.rank)
        for tell in self.after:
            tell(key, result, self.nodes, self.state, thread)
