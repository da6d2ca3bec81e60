"""Asking a service to do something, over a line that may break meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any

from quantumflow_lab.errors import QuantumFlowError, Where
from quantumflow_lab.remote.follow import backoff
from quantumflow_lab.remote.http import Connection, Lost

TRIES = 6
"""How often a run is begun again after the line broke: some fifteen seconds in all."""
SOON_S = 0.2
"""Seconds that an order may take before it goes on in the background."""
PATIENCE_S = 15 * 60.0
"""Seconds for which an order is repeated to a service that does not answer."""


def begin(
    connection: Connection,
    body: Mapping[str, Any],
    where: Where | None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Begin a run, once, however often the line breaks; how it stands.

    Parameters
    ----------
    connection
        The service.
    body
        What to run.
    where
        The cell, for errors.
    sleep
        Waits some seconds.

    Raises
    ------
    Lost
        If the service does not answer for a while.
    QuantumFlowError
        What it answers with.
    """
    key = token_hex(16)
    for failures in range(1, TRIES + 1):
        try:
            said = connection.post("runs", body=body, key=key, where=where)
        except Lost:
            if failures == TRIES:
                raise
            sleep(backoff(failures))
        else:
            status: dict[str, Any] = said.json()
            return status
    raise AssertionError("the last attempt raises or returns")


class Order:
    """A word to a run, such as cancel, that has to arrive.

    Parameters
    ----------
    connection
        The service.
    run
        Id of the run.
    verb
        Last part of the path.
    body
        For JSON.
    say
        Shows a line to who waits for the run.
    """

    def __init__(
        self,
        connection: Connection,
        run: str,
        verb: str,
        body: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._path = "runs", run, verb
        self._body = body
        self._say = say
        self._error: QuantumFlowError | None = None

    def send(self) -> None:
        """Send it; a service that does not answer at once is asked in the background.

        Raises
        ------
        QuantumFlowError
            If the service refuses at once.
        """
        thread = threading.Thread(target=self._send, name="qflow-order", daemon=True)
        thread.start()
        thread.join(SOON_S)
        if self._error is not None and not thread.is_alive():
            raise self._error

    def _send(self) -> None:
        verb, end, failures = self._path[-1], time.monotonic() + PATIENCE_S, 0
        while True:
            try:
                self._connection.post(*self._path, body=self._body)
                return
            except Lost as error:
                failures += 1
                self._error = error
                if time.monotonic() > end:
                    self._say(f"{error.message}; the run was not told to {verb}")
                    return
                self._say(f"{error.message}; {verb} is sent when it does")
                time.sleep(backoff(failures))
            except QuantumFlowError as error:
                self._error = error
                self._say(f"the run was not told to {verb}: {error.message}")
                return
