"""What a provider is asked in a thread of its own, since it may take its time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from quantumflow_lab.errors import BackendFailed

ANSWER_S = 120.0
"""Seconds after which a question counts as one that is not answered."""
Heard = Callable[[Any, Exception | None], None]
"""Takes the answer, or why there is none."""


def ask_aside(
    post: Callable[[Callable[[], None]], None],
    backend: str,
    ask: Callable[[], Any],
    heard: Heard,
    late: Heard = lambda answer, error: None,
    *,
    within: float | None = None,
) -> None:
    """Ask in a thread, and hear the answer in that of the runner.

    Parameters
    ----------
    post
        Hands a function to the runner's thread.
    backend
        Whose provider is asked.
    ask
        Asks it.
    heard
        Called once: with the answer, or when none has come with an error whose
        ``in_doubt`` says that what was asked may have been done all the same.
    late
        Called with an answer that comes after that.
    within
        Seconds to wait; by default :data:`ANSWER_S`.
    """
    seconds = ANSWER_S if within is None else within
    calls = iter((heard, late))

    def tell(answer: Any, error: Exception | None) -> None:
        post(lambda: next(calls)(answer, error))

    def run() -> None:
        try:
            answer = ask()
        except Exception as error:  # noqa: BLE001  # told to whoever waits
            tell(None, error)
        else:
            tell(answer, None)
        patience.cancel()

    unanswered = BackendFailed(
        f"the provider of '{backend}' has not answered within {seconds:g} s: see "
        "whether it is up, and run again",
        backend=backend,
        in_doubt=True,
    )
    patience = threading.Timer(seconds, lambda: tell(None, unanswered))
    for thread in (patience, threading.Thread(target=run)):
        thread.name, thread.daemon = "qflow-session", True
        thread.start()


def answer_of(backend: str, ask: Callable[[], Any], within: float) -> Any:
    """Ask in a thread, and wait for the answer.

    Raises
    ------
    BackendFailed
        None has come within these seconds.
    Exception
        What `ask` raises.
    """
    heard: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()

    def hear(answer: Any, error: Exception | None) -> None:
        heard.put((answer, error))

    ask_aside(lambda call: call(), backend, ask, hear, within=within)
    answer, error = heard.get()
    if error is not None:
        raise error
    return answer
