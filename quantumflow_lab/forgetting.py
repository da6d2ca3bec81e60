"""Retention by age: which runs would go, what goes with them, and their going."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from quantumflow_lab.amounts import Money, seconds
from quantumflow_lab.errors import BadOption, RunIsHeld
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import is_held, take

_TOGETHER = 100
"""Runs whose leases are taken at once, each of which is an open file."""
_NAMED = 10
"""Kept runs that a message names."""


class Clock(Protocol):
    """What it asks of a clock."""

    def wall(self) -> float:
        """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that is old enough, and stays."""

    run: str
    number: int
    name: str
    why: str

    def __str__(self) -> str:
        return f"run {self.number} of '{self.name}' {self.why}"


@dataclass(frozen=True, slots=True, repr=False)
class Forgotten:
    """Runs that are forgotten, or would be; its text tells what to type next."""

    before: float
    """Runs that ended before this moment, seconds since the epoch."""
    runs: tuple[str, ...]
    """Their ids, oldest first."""
    points: int
    """Points of their steps."""
    bytes: int
    """Bytes of the values of those points; others may have the same values."""
    costs: Mapping[str, tuple[Money, ...]]
    """What they have cost, by the month they began in, such as ``2026-01``."""
    kept: tuple[Kept, ...]
    """Runs that are old enough, and stay."""
    dry_run: bool
    """Whether nothing has been done."""

    def __repr__(self) -> str:
        moment = _local(self.before).strftime("%Y-%m-%d %H:%M")
        count = len(self.runs)
        text = [f"{_counted(count, 'run')} that ended before {moment}"]
        if not count:
            text = [f"no run to forget ended before {moment}"]
        else:
            text[0] += " would go" if self.dry_run else " forgotten"
            text.append(
                f"{_counted(self.points, 'point')}, {self.bytes:,} bytes of values"
            )
            for month, paid in self.costs.items():
                text.append(f"costs of {month}: {', '.join(map(str, paid))}")
        text += [f"kept: {each}" for each in self.kept[:_NAMED]]
        if len(self.kept) > _NAMED:
            text.append(f"kept: {len(self.kept) - _NAMED:,} more")
        if count and self.dry_run:
            text.append("nothing is deleted yet; type it again with --yes to forget")
        elif count:
            text.append("'qflow store compact' erases them and gives back the room")
        return "\n".join(text)


def forget(
    store: Store,
    clock: Clock,
    before: str | datetime,
    name: str | None = None,
    *,
    dry_run: bool,
) -> Forgotten:
    """Forget whole runs that ended before a moment; see :meth:`Lab.forget`."""
    now = clock.wall()
    moment = moment_of(before, now)
    asked = {"before": moment, "name": name}
    folder = store.home / "runs"
    rows = store.query("ended_before", **asked)
    costs = store.query("costs", **asked)
    if dry_run:
        held = {row["run"] for row in rows if is_held(folder, row["run"])}
        return told(moment, rows, costs, held, dry_run=True)
    held = set()
    old = [row["run"] for row in rows if _why(row) is None]
    for at in range(0, len(old), _TOGETHER):
        with ExitStack() as leases:
            mine = set()
            for run in old[at : at + _TOGETHER]:
                try:
                    leases.callback(take(folder, run).release)
                except RunIsHeld:
                    held.add(run)
                else:
                    mine.add(run)
            # Once more: another process may have taken one up, and left it, meanwhile.
            again = {row["run"]: row for row in store.query("ended_before", **asked)}
            gone = [again[r] for r in mine if r in again and _why(again[r]) is None]
            held |= mine - {row["run"] for row in gone}
            store.append([_tombstone(row, now) for row in gone], sync=True)
    store.ingest()
    return told(moment, rows, costs, held, dry_run=False)


def moment_of(before: str | datetime, now: float) -> float:
    """The moment that a person means, in seconds since the epoch.

    Parameters
    ----------
    before
        An age with its unit, such as ``90d``; a date or a time, ISO 8601, of this
        machine's time zone if it names none.
    now
        Seconds since the epoch.

    Raises
    ------
    BadOption
        If it is neither, or yet to come.

    Examples
    --------
    >>> moment_of("2d", 1_000_000.0)
    827200.0
    >>> moment_of("1970-01-02T00:00+00:00", 1_000_000.0)
    86400.0
    """
    span = seconds(before)
    # A number alone is seconds elsewhere, and days to whoever types it here.
    if span is not None and str(before).strip()[-1:].isalpha():
        return now - span
    try:
        found = (
            before
            if isinstance(before, datetime)
            else datetime.fromisoformat(before.strip())
        ).timestamp()
    except (ValueError, OverflowError, AttributeError):
        raise BadOption(
            "before must be an age such as '90d' or a date such as '2026-01-31',"
            f" not {before!r}",
            option="before",
        ) from None
    if found > now:
        raise BadOption(
            f"before must be a moment that has passed, and {before} has not;"
            " give an age such as '90d', or an earlier date",
            option="before",
        )
    return found


def told(
    moment: float,
    rows: Sequence[Mapping[str, Any]],
    costs: Sequence[Mapping[str, Any]],
    held: Collection[str],
    *,
    dry_run: bool,
) -> Forgotten:
    """What forgetting comes to.

    Parameters
    ----------
    moment
        Seconds since the epoch.
    rows, costs
        Of the named queries ``ended_before`` and ``costs``.
    held
        Runs that another process has.
    dry_run
        Whether nothing has been done.
    """
    kept = {
        row["run"]: why
        for row in rows
        if (why := _why(row) or ("is held" if row["run"] in held else None))
    }
    gone = [row for row in rows if row["run"] not in kept]
    going = {row["run"] for row in gone}
    paid: dict[str, dict[str, Decimal]] = {}
    for row in costs:
        if row["run"] in going:
            began = _local(row["started"]).strftime("%Y-%m")
            month = paid.setdefault(began, {})
            cost = month.get(row["currency"], Decimal(0)) + Decimal(str(row["cost"]))
            month[row["currency"]] = cost
    return Forgotten(
        before=moment,
        runs=tuple(row["run"] for row in gone),
        points=sum(row["points"] for row in gone),
        bytes=sum(row["bytes"] for row in gone),
        costs={
            month: tuple(
                Money(amount, of) for of, amount in sorted(paid[month].items())
            )
            for month in sorted(paid)
        },
        kept=tuple(
            Kept(row["run"], row["number"], row["name"], kept[row["run"]])
            for row in rows
            if row["run"] in kept
        ),
        dry_run=dry_run,
    )


def _why(row: Mapping[str, Any]) -> str | None:
    """Why a run stays, or None."""
    if row["sent"]:
        jobs = _counted(row["sent"], "job")
        return f"has {jobs} at a device; %qflow resume {row['run']} fetches what came"
    if row["open"]:
        what = _counted(row["open"], "open session")
        return f"has {what} at a device; %qflow resume {row['run']} closes what is open"
    if row["state"] == "unfinished":
        return f"is unfinished; %qflow resume {row['run']} goes on with it"
    return None


def _tombstone(row: Mapping[str, Any], now: float) -> dict[str, Any]:
    kept = {key: row[key] for key in ("run", "name", "started")}
    return {"kind": "forget", "ts": now, **kept}


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment).astimezone()


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
