"""Requests that begin a run once, however often they come: ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel

from quantumflow_lab.service.problems import Problem
from quantumflow_lab.store import Store

MOST = 4096
"""Keys that are remembered, those of the newest runs."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a caller has chosen to tell a request from others, and what it asks for."""

    text: str
    asked: str
    """Digest of the request."""

    @classmethod
    def of(cls, text: str | None, body: BaseModel, about: str = "") -> Self | None:
        """The key of a request; None if it has none.

        Parameters
        ----------
        text
            Of the header.
        body
            Of the request.
        about
            What the path names.
        """
        if text is None:
            return None
        said = f"{about}\n{body.model_dump_json()}"
        return cls(text, hashlib.sha256(said.encode()).hexdigest())


class RequestKeys:
    """Finds the run that a request has begun; used by one thread at a time.

    Runs keep the keys of their requests, so they outlive the service.

    Parameters
    ----------
    store
        Where runs are recorded.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, str], tuple[str, str | None]] | None = None
        """Run and digest by the name of the token and the key, once somebody asked."""

    def run_of(self, token: str, key: RequestKey | None) -> str | None:
        """The run that this request has begun before, if it has.

        Raises
        ------
        Problem
            422 if a request for something else had this key.
        """
        if key is None:
            return None
        run, asked = self._all().get((token, key.text), (None, None))
        if run is not None and asked not in (None, key.asked):
            raise Problem(
                422,
                "key-used",
                f"Idempotency-Key {key.text} has begun run {run}, which was asked for "
                "something else; choose another key",
                run=run,
            )
        return run

    def add(self, token: str, key: RequestKey | None, run: str) -> None:
        """A request has begun a run."""
        if key is None:
            return
        known = self._all()
        known[token, key.text] = run, key.asked
        while len(known) > MOST:
            known.popitem(last=False)

    def _all(self) -> OrderedDict[tuple[str, str], tuple[str, str | None]]:
        if self._known is None:
            rows = self._store.query("request_keys", limit=MOST)
            self._known = OrderedDict(
                ((row["token"], row["key"]), (row["run"], row["asked"]))
                for row in reversed(rows)
            )
        return self._known
