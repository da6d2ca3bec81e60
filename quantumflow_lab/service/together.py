"""Questions that come while another one is being answered, asked as one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Asks for what all who wait want to know; may be used by any thread.

    Nobody waits for more than the question that is being answered and the one with his
    own in it, however many ask.

    Parameters
    ----------
    ask
        Answers several questions, as of a moment after it was called. It may be called
        by the thread of any of those who wait.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Mapping[K, V]]) -> None:
        self._ask = ask
        self._waiting: dict[K, Future[V]] = {}
        """Questions that nobody has begun to answer."""
        self._asking = threading.Lock()
        self._lock = threading.Lock()

    def of(self, key: K) -> V:
        """The answer to one question, or the error that the question came to."""
        with self._lock:
            mine = self._waiting.setdefault(key, Future())
        with self._asking:
            if not mine.done():
                self._answer()
        return mine.result()

    def _answer(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        try:
            found = self._ask([*waiting])
        except BaseException as error:  # noqa: BLE001 - it is raised again
            # Who asks is the thread of one of them; all of them hear of it.
            for future in waiting.values():
                future.set_exception(error)
            return
        for key, future in waiting.items():
            future.set_result(found[key])
