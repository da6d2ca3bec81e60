"""The newest runs, as the store told them, with those of this process as they are now.

Pages of the list are cut from this; only what lies behind it is asked of the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.runner.live import LiveRun

Row = Mapping[str, Any]
"""A run with the columns of the named query ``history`` that the service tells."""


def row_of(live: LiveRun) -> dict[str, Any]:
    """A run of this process as the store will tell it, but for what it does now."""
    ended, amounts = live.ended_us, sorted(live.spent.items())
    names = {n for step in live.plan.steps for n in (*step.backends, *step.others)}
    return {
        "run": live.id,
        "name": live.name,
        "number": live.nth,
        "state": live.state,
        "kept_as": live.state if live.finished.done() else "running",
        "started": live.started,
        "wall_s": None if ended is None else (ended - live.started_us) / 1e6,
        "backends": sorted(names),
        "cost": float(sum(a for _, a in amounts)) if len(amounts) <= 1 else None,
        "currency": amounts[0][0] if len(amounts) == 1 else None,
        "costs": [(currency, float(amount)) for currency, amount in amounts] or None,
        **_counts_of(live),
    }


def _counts_of(live: LiveRun) -> dict[str, Any]:
    """What a run that is done came to, as far as this process knows by itself."""
    if live.state != "done" or live.epoch > 1 or not live.finished.done():
        return {}
    steps = live.steps.values()
    jobs = sum(step.jobs for step in steps)
    return {
        "steps": len(steps),
        "points": sum(step.size for step in steps),
        "failed": sum(step.failed for step in steps),
        "jobs": jobs,
        "machine_s": live.machine_s,
        # Only records of jobs tell what these took.
        **({} if jobs else {"shots": 0, "qpu_s": None}),
    }


@dataclass(frozen=True, slots=True)
class Newest:
    """So many runs, newest first."""

    rows: Sequence[Row]
    complete: bool
    """Whether there are no others."""

    def page(
        self,
        own: Sequence[Row],
        *,
        name: str | None,
        state: str | None,
        before: str | None,
        limit: int,
    ) -> list[Row] | None:
        """A page of the list; None if it has runs that only the store knows.

        Parameters
        ----------
        own
            Runs of this process, of :func:`row_of`.
        name, state
            What they have to be; as the store calls a state.
        before
            The run that they stand behind.
        limit
            Most of them.
        """
        found = {row["run"]: row for row in self.rows}
        oldest = self._oldest()
        for row in own:
            # Between an older one and these may be others.
            if _place(row) >= oldest:
                known = found.get(row["run"], {})
                number = row["number"] or known.get("number")
                found[row["run"]] = {**known, **row, "number": number}
        if before is not None and before not in found:
            return None
        end = None if before is None else _place(found[before])
        fitting = [
            row
            for row in sorted(found.values(), key=_place, reverse=True)
            if (end is None or _place(row) < end)
            and name in (None, row["name"])
            and state in (None, row.get("kept_as", row["state"]))
        ]
        # Runs of a name are numbered in the order of the list.
        has_first = any(r["number"] == 1 and r["name"] == name for r in found.values())
        if len(fitting) < limit and not self.complete and not has_first:
            return None
        return fitting[:limit]

    def _oldest(self) -> tuple[float, str]:
        if self.complete or not self.rows:
            return float("-inf"), ""
        return _place(self.rows[-1])


def _place(row: Row) -> tuple[float, str]:
    return row["started"], row["run"]
