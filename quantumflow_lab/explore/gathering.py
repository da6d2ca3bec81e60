"""Rows of queries as the charts take them; amounts of two currencies never meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.explore.filters import Filter

Row = dict[str, Any]


def charts(found: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """What each chart shows, of the rows that its query gave."""
    return {
        "time": [dict(row) for row in found["time"]],
        "states": list(found["states"]),
        "names": list(found["names"]),
        "backends": by_backend(found["backends"]),
        "kinds": by_kind(found["kinds"], found["kind_costs"]),
        "quoted": list(found["quoted"]),
        "failures": [_shown(row) for row in found["failures"]],
        "runs": [{**row, "money": row["money"] or []} for row in found["runs"]],
    }


def by_backend(rows: Sequence[Row]) -> list[Row]:
    """One entry for each backend, the busiest first; times add up, money does not."""
    found: dict[str, Row] = {}
    for row in rows:
        entry = found.setdefault(row["backend"], _entry(row["backend"]))
        entry["jobs"] += row["jobs"]
        for name in ("machine_s", "qpu_s", "queue_s"):
            entry[name] += row[name] or 0.0
        if row["currency"] is not None:
            entry["money"].append(_money(row))
    return sorted(found.values(), key=lambda e: -(e["machine_s"] + e["qpu_s"]))


def _entry(name: str) -> Row:
    times = {"machine_s": 0.0, "qpu_s": 0.0, "queue_s": 0.0}
    return {"name": name, "jobs": 0, **times, "money": []}


def _money(row: Row) -> Row:
    return {
        "currency": row["currency"],
        "cost": row["cost"] or 0.0,
        "at_most": row["at_most"] or 0.0,
    }


_COUNTS = ("steps", "points", "failed", "kept", "cached")


def by_kind(steps: Sequence[Row], costs: Sequence[Row]) -> list[Row]:
    """One entry for each kind of step, with what its jobs cost.

    Sessions are of no step, and stand beside the kinds of steps.
    """
    kinds = {row["kind"] for row in steps}
    beside = dict.fromkeys(row["kind"] for row in costs if row["kind"] not in kinds)
    return [
        {
            "name": row["kind"],
            **{k: row.get(k) or 0 for k in _COUNTS},
            "wall_s": row.get("wall_s") or 0.0,
            "money": [_money(each) for each in costs if each["kind"] == row["kind"]],
        }
        for row in (*steps, *({"kind": each} for each in beside))
    ]


def totals(shown: Mapping[str, Any], given: Filter) -> Row:
    """What all that the filter lets through comes to.

    A chart leaves out the dimension that it sets, so what is chosen is picked here.
    """
    states = _chosen(shown["states"], "state", given.state)
    backends = _chosen(shown["backends"], "name", given.backend)
    kinds = _chosen(shown["kinds"], "name", given.kind)
    money: dict[str, float] = {}
    for each in (m for backend in backends for m in backend["money"]):
        money[each["currency"]] = money.get(each["currency"], 0.0) + each["cost"]
    return {
        "runs": sum(row["runs"] for row in states),
        **{k: sum(r[k] for r in kinds) for k in ("points", "failed", "kept", "cached")},
        "jobs": sum(row["jobs"] for row in backends),
        "machine_s": sum(row["machine_s"] for row in backends),
        "qpu_s": sum(row["qpu_s"] for row in backends),
        "money": [{"currency": k, "cost": v} for k, v in sorted(money.items())],
    }


def _chosen(rows: Sequence[Row], key: str, value: str | None) -> list[Row]:
    return [row for row in rows if value is None or row[key] == value]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A failure without the secrets that its error may quote."""
    error = row["error"]
    return {**row, "error": error and Secrets.of().hide_text(error)}
