"""Sessions that a process has left open and nobody goes on with: they are closed.

A session is billed by the clock, so whoever sends anything to a device from the same
home closes it first.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from quantumflow_lab.amounts import Money
from quantumflow_lab.clock import SystemClock
from quantumflow_lab.errors import QuantumFlowError, StoreError
from quantumflow_lab.planning.billing import Bill, Rule
from quantumflow_lab.planning.bounds import rate_of
from quantumflow_lab.planning.modes import session_cost
from quantumflow_lab.ports import BackendFacts, Ledger, Mode
from quantumflow_lab.runner import records
from quantumflow_lab.runner.aside import answer_of
from quantumflow_lab.runner.unheard import unheard
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import is_held

log = logging.getLogger(__name__)

ANSWER_S = 30.0
"""Seconds for one of them: a run waits for it that may have nothing to do with it."""


class Devices(Protocol):
    """What it asks of the backends."""

    def facts(self, name: str) -> BackendFacts:
        """Look a backend up; raises ``UnknownBackend``."""

    def close_session(self, name: str, mode: Mode, session: str) -> None:
        """Let it take no more jobs."""

    def session_seconds(self, name: str, mode: Mode, session: str) -> float | None:
        """Seconds that it is billed; None if nobody tells."""


def close_left(
    store: Store,
    backends: Devices,
    ledger: Ledger,
    clock: SystemClock,
    *,
    besides: Collection[str],
    run: str | None = None,
) -> None:
    """Close the sessions and batches of runs that no process has.

    One that cannot be closed now, since its backend is not here or does not answer, is
    told in the log and tried again the next time. So is one that may be open at its
    provider, which was asked for it and did not answer, as long as it would be.

    Parameters
    ----------
    besides
        Runs whose sessions are left alone.
    run
        Only those of this run.
    """
    for row in store.query("open_sessions", run=run):
        if row["run"] in besides or is_held(store.home / "runs", row["run"]):
            continue
        if row["session"] is None and (words := unheard(row, clock.wall())):
            log.warning("%s", words)
            continue
        try:
            ask = partial(_closed, row, backends)
            bill, seconds = answer_of(row["backend"], ask, ANSWER_S)
        except QuantumFlowError as error:
            log.warning(
                "the %s %s of an earlier run is open on '%s', and may be billed: it "
                "could not be closed (%s)",
                row["mode"],
                row["session"],
                row["backend"],
                error,
            )
            continue
        about = {name: row[name] for name in _ABOUT}
        now = clock.wall()
        record = records.session(row["run"], about, "closed", bill, now, seconds)
        store.append([record], sync=True)
        if row["currency"] is not None:
            counted = Money(bill.amount, row["currency"])
            _settle(ledger, row["tag"], counted, backends.facts(row["backend"]))


def _settle(ledger: Ledger, tag: str, cost: Money, facts: BackendFacts) -> None:
    costs, price = [cost], facts.price
    if cost.currency == "s" and price is not None and price.currency != "s":
        costs.append(Money(cost.amount * rate_of(price), price.currency))
    try:
        ledger.settle(tag, *costs)
    except StoreError as error:
        # It counts as the most that it may have cost until somebody can write.
        log.warning("the cost of %s cannot be written down: %s", tag, error)


_ABOUT = ("tag", "backend", "mode", "session", "most_s", "opened", "currency")


def _closed(row: dict[str, Any], backends: Devices) -> tuple[Bill, float | None]:
    """Close one: what it costs, and for how many seconds it is billed, if told."""
    where = row["backend"], row["mode"], row["session"]
    price = backends.facts(row["backend"]).price
    if row["session"] is not None:
        backends.close_session(*where)
    if row["currency"] is None:
        return Bill(Decimal(0), Rule.FREE), None
    most = Bill(Decimal(repr(round(row["cost"] or 0.0, 9))), Rule.AT_MOST)
    if row["session"] is None:
        return most, None
    if row["currency"] == "s" and price is not None:
        price = price.in_seconds()
    seconds = backends.session_seconds(*where)
    same = price is not None and price.currency == row["currency"] and rate_of(price)
    if seconds is None or price is None or not same:
        return most, seconds
    return Bill(session_cost(price, seconds), Rule.USAGE), seconds
