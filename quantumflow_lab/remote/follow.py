"""Listens to a run until it has ended, through lost lines and services that restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from secrets import SystemRandom

from quantumflow_lab.errors import QuantumFlowError, ServiceError
from quantumflow_lab.remote.data import RemoteData
from quantumflow_lab.remote.http import Lost
from quantumflow_lab.remote.sse import Parser

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


class Follower:
    """Feeds a run with what its service tells.

    Parameters
    ----------
    data
        The run.
    sleep
        Waits some seconds between two attempts.
    """

    def __init__(
        self, data: RemoteData, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._data = data
        self._sleep = sleep
        self._last: str | None = None
        """Id of the last event, which the service goes on from."""
        self._heard = False

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
            if state is not None:
                self._data.end(state)
                return
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

    def _wait(self, seconds: float, why: str) -> None:
        self._data.say(f"{why}; the run goes on there, asking again in {seconds:.0f} s")
        self._sleep(seconds)
