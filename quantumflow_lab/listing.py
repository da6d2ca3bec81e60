"""Which runs there were and what they have cost, as rows for people."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from quantumflow_lab.amounts import seconds as duration
from quantumflow_lab.errors import BadOption, did_you_mean
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import held_runs

SPENT_BY = ("backend", "project", "notebook")

RUN_STATES = ("running", "done", "failed", "paused", "cancelled", "unfinished")
"""``running`` while a process has it, ``unfinished`` when nobody has it any more."""


def newest_runs(
    store: Store,
    now: float,
    *,
    state: str | None,
    since: float | str | None,
    **wanted: Any,
) -> list[dict[str, Any]]:
    """The newest runs, as rows of the named query ``history``.

    Parameters
    ----------
    now
        Seconds since the epoch.
    state
        One of :data:`RUN_STATES`.
    since
        Begun in the last seconds, or in a duration such as ``3 d``.
    **wanted
        Other parameters of the query.

    Raises
    ------
    BadOption
        A state or a duration that cannot be.
    """
    if state is not None and state not in RUN_STATES:
        hint = did_you_mean(state, RUN_STATES)
        raise BadOption(f"no run is {state!r}{hint}", option="state")
    begun = None
    if since is not None:
        if (span := duration(since)) is None:
            raise BadOption(
                f"since must be a duration such as '3d' or '90min', not {since!r}",
                option="since",
            )
        begun = now - span
    held = sorted(held_runs(store.home / "runs"))
    return store.query("history", state=state, since=begun, held=held, **wanted)


def spend(store: Store, *, month: str | None, by: str) -> list[dict[str, Any]]:
    """What jobs have used and cost, as rows of the named query ``spend``.

    Parameters
    ----------
    month
        Only this one, such as ``2026-11``.
    by
        One of :data:`SPENT_BY`.

    Raises
    ------
    BadOption
        A month or a grouping that cannot be.
    """
    if by not in SPENT_BY:
        hint = did_you_mean(by, SPENT_BY)
        raise BadOption(f"spend is not told by {by!r}{hint}", option="by")
    if month is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise BadOption(
            f"month must be such as '2026-11', not {month!r}", option="month"
        )
    return store.query("spend", month=month, by=by)


def spent_in(store: Store, month: str) -> dict[str, Decimal]:
    """What jobs of a month, such as ``2026-11``, have cost by currency."""
    rows = store.query("spent_in", month=month)
    return {row["currency"]: Decimal(repr(round(row["cost"], 9))) for row in rows}
