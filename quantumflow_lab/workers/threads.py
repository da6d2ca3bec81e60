"""Threads in which the functions of steps run."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from quantumflow_lab.ports import Stopped

T = TypeVar("T")
Key = tuple[int, int]
OnEnd = Callable[[Key, Any, BaseException | None], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    key: Key
    function: Callable[[], Any]
    on_end: OnEnd
    context: Context


class StepThreads:
    """Runs calls in daemon threads, which are used again.

    Parameters
    ----------
    size
        Idle threads to keep. More calls than that may run at a time: who runs is for
        the scheduler to say, and a step that waits for a job keeps its thread.
    """

    def __init__(self, size: int):
        self._size = size
        self._idle: list[_StepThread] = []
        self._busy: dict[Key, _StepThread] = {}
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self,
        key: Key,
        call: Callable[[], T],
        on_end: Callable[[Key, T | None, BaseException | None], None],
    ) -> None:
        """Run a call in a thread, with a copy of the context of the caller.

        Parameters
        ----------
        key
            Names the call, for :meth:`stop`.
        call
            What to run.
        on_end
            Called in the same thread with key, value and None, or key, None and what
            was raised.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the threads are closed")
            thread = self._idle.pop() if self._idle else _StepThread(self)
            self._busy[key] = thread
        thread.calls.put(_Call(key, call, on_end, copy_context()))

    def stop(self, key: Key) -> None:
        """Raise :class:`Stopped` inside a call, unless it has ended.

        Python code stops within milliseconds; code that waits in C stops when it comes
        back, and until then keeps its thread.
        """
        with self._lock:
            thread = self._busy.get(key)
            if thread is not None:
                thread.interrupt()

    def close(self) -> None:
        """Stop everything; threads that do not stop are left."""
        with self._lock:
            self._closed = True
            for thread in self._busy.values():
                thread.interrupt()
            for thread in self._idle:
                thread.calls.put(None)
            self._idle.clear()

    def began(self, thread: _StepThread) -> bool:
        """From here on a stop is raised in the thread; False if it was asked before."""
        with self._lock:
            thread.running = True
            return not thread.interrupted

    def ended(self, thread: _StepThread, key: Key) -> None:
        """From here on no stop can reach the call; may be repeated."""
        with self._lock:
            if self._busy.get(key) is thread:
                del self._busy[key]
            thread.calm()

    def keep(self, thread: _StepThread) -> bool:
        """Take a thread back; False if there are enough."""
        with self._lock:
            kept = not self._closed and len(self._idle) < self._size
            if kept:
                self._idle.append(thread)
            return kept


class _StepThread:
    """One thread and the calls it is given."""

    def __init__(self, pool: StepThreads):
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self.running = False
        self.interrupted = False
        self._pool = pool
        self._thread = threading.Thread(
            target=self._loop, daemon=True, name="qflow-step"
        )
        self._thread.start()

    def interrupt(self) -> None:
        """Raise ``Stopped`` in the running call; once. The pool's lock is held."""
        if not self.interrupted and self.running:
            _raise_in(self._thread, Stopped)
        self.interrupted = True

    def calm(self) -> None:
        """Take back a ``Stopped`` that was not raised yet. The pool's lock is held."""
        if self.interrupted:
            _raise_in(self._thread, None)
        self.running = self.interrupted = False

    def _loop(self) -> None:
        while (call := self.calls.get()) is not None:
            self._serve(call)
            del call
            if not self._pool.keep(self):
                return

    def _serve(self, call: _Call) -> None:
        value: Any = None
        error: BaseException | None = None
        complete = False
        try:
            try:
                if not self._pool.began(self):
                    raise Stopped
                value = call.context.run(call.function)
            except BaseException as raised:  # noqa: BLE001 - all of it goes to on_end
                error = raised
            complete = True
            self._pool.ended(self, call.key)
        except Stopped as late:
            # It arrived between the last line of the call and ``ended``; there is at
            # most one, so the second ``ended`` is safe.
            error = error if complete else late
            self._pool.ended(self, call.key)
        try:
            call.on_end(call.key, value if error is None else None, error)
        except Exception:  # noqa: BLE001 - foreign code; logged
            _log.exception("what follows step call %s failed", call.key)


def _raise_in(thread: threading.Thread, kind: type[BaseException] | None) -> None:
    argument = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), argument
    )
