"""One worker that answers the newest question, so that no widget blocks the kernel."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Generic, TypeVar

from quantumflow_lab.errors import QuantumFlowError

Q = TypeVar("Q")


log = logging.getLogger(__name__)


def told(error: Exception) -> str:
    """Why there is no answer; a bug is logged, and the view goes on."""
    if isinstance(error, QuantumFlowError):
        return error.message
    log.error("a question could not be answered", exc_info=error)
    return f"{type(error).__name__}: {error}"


class Desk(Generic[Q]):
    """Answers one question at a time; of those that wait only the newest is kept.

    The thread lives while there are questions.

    Parameters
    ----------
    answer
        Called with a question, in a thread of the desk.
    """

    def __init__(self, answer: Callable[[Q], None]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._waiting: tuple[Q, Context] | None = None
        self._worker: threading.Thread | None = None

    def ask(self, question: Q) -> None:
        """Have a question answered, unless a newer one comes before its turn."""
        with self._lock:
            # ipykernel finds the way to the notebook by the context.
            self._waiting = question, copy_context()
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="qflow-explore", daemon=True
                )
                self._worker.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until nothing is left to answer."""
        worker = self._worker
        if worker is not None:
            worker.join(timeout)

    def _work(self) -> None:
        while (waiting := self._next()) is not None:
            question, context = waiting
            try:
                context.run(self._answer, question)
            except BaseException:
                with self._lock:
                    self._worker = None
                raise

    def _next(self) -> tuple[Q, Context] | None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
            if waiting is None:
                self._worker = None
            return waiting
