"""What all runs of a home may cost together, in a session and in a month.

One small file, taken under a lock around each paid submit: what has been spent in the
month, and what is kept back for jobs that are under way, in this process or another. A
process that dies leaves what it kept back: it counts until the run is taken up and the
job is settled, since nobody can say that it was not billed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantumflow_lab._fallback_journal import sync_path, write_error
from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import StoreError, StoreLocked
from quantumflow_lab.store.lock import held

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 10.0
"""Seconds to wait for another process that writes."""
_NO_BOOK = (ValueError, TypeError, ArithmeticError)


@dataclass
class Ledger:
    """Keeps back what jobs may cost, as far as the caps allow.

    Parameters
    ----------
    home
        Folder of the lab.
    session, month
        Most that this process, and all of a calendar month (UTC), may cost; None for
        no end.
    wall
        Seconds since the epoch.
    before
        What jobs of a month have cost by currency that the file does not know yet.
    """

    home: Path
    session: Money | None
    month: Money | None
    wall: Callable[[], float]
    before: Callable[[str], Mapping[str, Decimal]]
    _session: dict[str, Money] = field(default_factory=dict)
    """What each job of this process costs, or may cost, by its tag."""

    def reserve(self, tag: str, *most: Money) -> str | None:
        """Keep back the most that a job may cost; why not, if a cap is in the way.

        Of a tag that something is kept back for already, that much instead.

        Parameters
        ----------
        most
            In each currency in which it counts, such as seconds of the device and
            what these cost.

        Raises
        ------
        StoreError
            If the file cannot be written: nothing may be sent then.
        """
        kept = {_place(tag, each): each for each in most}
        for place, each in kept.items():
            used = _used(self._session, place, each, Decimal(0))
            if (why := _over(self.session, used, each, "session")) is not None:
                return why
        if self.month is not None:
            with self._file() as book:
                open_ = {t: Money(Decimal(a), c) for t, (a, c) in book["open"].items()}
                for place, each in kept.items():
                    spent = Decimal(book["spent"].get(each.currency, "0"))
                    used = _used(open_, place, each, spent)
                    if (why := _over(self.month, used, each, "month")) is not None:
                        return why
                for place, each in kept.items():
                    book["open"][place] = [str(each.amount), each.currency]
        self._session |= kept
        return None

    def settle(self, tag: str, *cost: Money) -> None:
        """Put what a job has cost in the place of what was kept back for it.

        Only in currencies in which something was.
        """
        costs = {_place(tag, each): each for each in cost}
        self._session |= {p: each for p, each in costs.items() if p in self._session}
        if self.month is not None:
            with self._file() as book:
                for place, each in costs.items():
                    if book["open"].pop(place, None) is not None:
                        before = Decimal(book["spent"].get(each.currency, "0"))
                        book["spent"][each.currency] = str(before + each.amount)

    @contextmanager
    def _file(self) -> Iterator[dict[str, Any]]:
        """The book of this month, written back at the end if it was changed."""
        with held(self.home / "ledger.lock", exclusive=True, wait=WAIT_S) as free:
            if not free:
                raise StoreLocked(
                    f"another lab has held {self.home / 'ledger.lock'} for {WAIT_S:g} s"
                )
            book = self._read()
            text = json.dumps(book)
            yield book
            if (changed := json.dumps(book)) != text:
                self._write(changed)

    def _read(self) -> dict[str, Any]:
        name = f"{datetime.fromtimestamp(self.wall(), UTC):%Y-%m}"
        try:
            book = _book_of(self._path.read_text("utf-8"))
        except FileNotFoundError:
            book = {"month": "", "spent": {}, "open": {}}
        except OSError as error:
            raise StoreError(
                f"cannot read {self._path}: {error.strerror or error}",
                path=str(self._path),
            ) from error
        except _NO_BOOK as error:
            raise StoreError(
                f"{self._path} is damaged, so nobody knows what jobs of this month may "
                "cost: delete it while no run goes on, and it is made anew from the "
                "records of the home",
                path=str(self._path),
            ) from error
        if book["month"] != name:
            # What is under way goes along: it is billed when it is done.
            spent = {c: str(amount) for c, amount in self.before(name).items()}
            book = {"month": name, "spent": spent, "open": book["open"]}
        return book

    def _write(self, text: str) -> None:
        beside = self._path.with_suffix(".new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            sync_path(self.home)
        except OSError as error:
            raise write_error(error, path=str(self._path)) from error

    @property
    def _path(self) -> Path:
        return self.home / "ledger.json"


def _book_of(text: str) -> dict[str, Any]:
    """The book in a file; raises one of ``_NO_BOOK`` if it is none."""
    match json.loads(text):
        case {"month": str(month), "spent": dict(spent), "open": dict(open_)}:
            amounts = [*spent.values(), *(amount for amount, _ in open_.values())]
            exact = [Decimal(amount) for amount in amounts]
            if all(each.is_finite() and each >= 0 for each in exact):
                return {"month": month, "spent": spent, "open": open_}
    raise ValueError("it lacks something")


def _place(tag: str, amount: Money) -> str:
    """Under what an amount is kept: a job may count in several currencies."""
    return f"{tag} {amount.currency}"


def _used(
    kept: Mapping[str, Money], besides: str, most: Money, spent: Decimal
) -> Decimal:
    """What counts in the currency of an amount, without that itself."""
    others = (each for place, each in kept.items() if place != besides)
    return sum((m.amount for m in others if m.currency == most.currency), spent)


def _over(cap: Money | None, used: Decimal, most: Money, what: str) -> str | None:
    if cap is None or cap.currency != most.currency or used + most.amount <= cap.amount:
        return None
    left = Money(max(cap.amount - used, Decimal(0)), cap.currency)
    return (
        f"its next job may cost {most}, and {left} of the {cap} of this {what} is left "
        f"(QFLOW_BUDGET_{what.upper()})"
    )
