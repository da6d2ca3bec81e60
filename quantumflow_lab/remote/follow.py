"""Listens to a run until it has ended, through lost lines and services that restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import SystemRandom

from quantumflow_lab.errors import QuantumFlowError, ServiceError
from quantumflow_lab.remote.data import RemoteData
from quantumflow_lab.remote.http import Lost
from quantumflow_lab.remote.sse import Parser

UNFINISHED = "unfinished"
"""State of a run that nobody goes on with."""
GRACE_S = 60.0
"""For a service that has restarted to take a run up, which may take it a while."""
_FIRST_S, _LONGEST_S = 0.5, 30.0
_random = SystemRandom()


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row.

    Examples
    --------
    >>> [backoff(n) for n in (1, 2, 3, 7, 100)]
    [0.5, 1.0, 2.0, 30.0, 30.0]
    """
    return float(min(_LONGEST_S, _FIRST_S * 2 ** min(failures - 1, 16)))


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait; replaced by tests."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


class Follower:
    """Feeds a run with what its service tells.

    Parameters
    ----------
    data
        The run.
    waiting
        How to wait between two attempts.
    """

    def __init__(
        self, data: RemoteData, waiting: Waiting = Waiting()
    ) -> None:  # frozen
        self._data = data
        self._waiting = waiting
        self._last: str | None = None
        """Id of the last event, which the service goes on from."""
        self._heard = False
        self._left: float | None = None
        """Since when nobody goes on with the run."""

    def start(self) -> None:
        """Listen in a thread that ends with the run, or with this process."""
        name = f"qflow-follow-{self._data.name}"
        threading.Thread(target=self.run, name=name, daemon=True).start()

    def run(self) -> None:
        """Listen until the run has ended, or nothing more can be heard."""
        failures = 0
        while True:
            self._heard = False
            try:
                state = self._listen()
                why = "the service stops, or has restarted"
            except Lost as error:
                state, why = None, error.message
            except QuantumFlowError as error:
                after = error.facts.get("retry_after")
                if not isinstance(after, float):
                    self._data.lose(error)
                    return
                self._wait(after, error.message)
                continue
            # What comes last: nobody is to wait for a thread that has died.
            except Exception as error:  # noqa: BLE001
                self._data.lose(ServiceError(f"the run cannot be followed: {error!r}"))
                return
            if state is not None and not self._may_go_on(state):
                self._data.end(state)
                return
            if state is not None:
                why = "the service has not taken the run up yet"
            failures = 1 if self._heard else failures + 1
            spread = _random.uniform(0.8, 1.2)
            self._wait(backoff(failures) * spread, why)

    def _listen(self) -> str | None:
        """Events of one connection; the state that the run has ended in, if it has."""
        parser = Parser()
        data = self._data
        path = "runs", data.id, "events"
        for piece in data.connection.stream(*path, last=self._last):
            for event in parser.feed(piece):
                self._heard = True
                self._last = event.id or self._last
                state = data.take(event)
                if state is not None:
                    return state
        return None

    def _may_go_on(self, state: str) -> bool:
        """Whether somebody may take the run up soon."""
        if state != UNFINISHED:
            self._left = None
            return False
        now = self._waiting.now()
        if self._left is None:
            self._left = now
        return now - self._left < GRACE_S

    def _wait(self, seconds: float, why: str) -> None:
        self._data.say(f"{why}; the run goes on there, asking again in {seconds:.0f} s")
        self._waiting.sleep(seconds)
