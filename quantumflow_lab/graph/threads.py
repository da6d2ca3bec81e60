"""Where threads come from: the pool of this process, or one that the caller gives."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantumflow_lab.processors import processors

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    Failed = Callable[[BaseException], None]

UNBOUNDED = 1 << 20
"""Calls at the same time never wait for each other's threads."""

_here = threading.local()
_own: ThreadPoolExecutor | None = None


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads for one call."""

    count: int
    """How many tasks may run at once."""
    pool: Any
    """An executor, or a pool as `multiprocessing.pool.ThreadPool` is one."""

    def start(self, work: Callable[[], None], failed: Failed) -> None:
        """Run something on a thread; `failed` is told if the pool does not run it."""
        # By name: to import them would start what multiprocessing starts.
        if type(self.pool).__name__ in ("ProcessPoolExecutor", "Pool"):
            raise TypeError(
                "graph.get runs its tasks in threads: give it a pool of threads"
            )

        def marked() -> None:
            before = getattr(_here, "pools", ())
            _here.pools = (*before, self.pool)
            try:
                work()
            finally:
                _here.pools = before

        def look(future: Future[None]) -> None:
            if future.cancelled():
                failed(RuntimeError("the pool was shut down"))
            elif (error := future.exception()) is not None:
                failed(error)

        if hasattr(self.pool, "submit"):
            self.pool.submit(marked).add_done_callback(look)
        else:
            self.pool.apply_async(marked, error_callback=failed)


def inside(threads: Threads) -> bool:
    """Whether this thread runs a task of that pool: it must not wait for another."""
    return threads.pool in getattr(_here, "pools", ())


def choose(num_workers: int | None, pool: Any) -> Threads:
    """Threads of this pool; without one, so many of this process."""
    if pool is not None:
        return Threads(size_of(pool), pool)
    return Threads(num_workers or processors(), own_pool())


def size_of(pool: Any) -> int:
    """How many threads a pool has."""
    for name in ("_max_workers", "_processes"):
        if isinstance(size := getattr(pool, name, None), int):
            return size
    return processors()


def own_pool() -> ThreadPoolExecutor:
    """The pool of this process: as many threads as were busy at once, now asleep."""
    global _own
    pool = _own
    if pool is None:
        pool = _own = ThreadPoolExecutor(UNBOUNDED, thread_name_prefix="qflow-graph")
    return pool


def _forget() -> None:
    """Leave the threads of the parent behind: a fork has none of them."""
    global _own
    _own = None
    _here.__dict__.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
