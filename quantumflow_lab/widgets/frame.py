"""What goes to the browser at once: small enough to be sent ten times a second.

A run of usual size goes as it is. Of a larger one that is left out first which can be
read elsewhere, and the view says what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from quantumflow_lab.colours import colour_of
from quantumflow_lab.widgets.words import Snapshot

FRAME = 190 * 1024
"""Bytes that a snapshot may have: with what is around it, less than 200 KiB."""
METRIC_LIMIT = 500
"""Newest values of a metric that go to the browser."""
_FEW_VALUES = 50
_FEW_STEPS = 240
_FEW_LETTERS = 200
_FEW_ROWS = 8

_URGENT = ("failed", "partial", "running", "cancelled")
_EMPTY: tuple[Any, ...] = (None, [], {}, 0, "")


def trimmed(snapshot: Snapshot) -> dict[str, Any]:
    """A copy that fits into one message, all of it JSON.

    Parameters
    ----------
    snapshot
        A run; its fields are described in ``docs/widgets.md``.

    Returns
    -------
    dict
        With ``colours`` of backends, and ``omitted``: what is not in it, in words.

    Examples
    --------
    >>> steps = [{"name": f"s{i}", "state": "done"} for i in range(10_000)]
    >>> found = trimmed({"name": "many", "steps": steps})
    >>> len(found["steps"]), found["omitted"][-1]
    (240, '9,760 of 10,000 steps')
    """
    metrics = [_newest(m, METRIC_LIMIT) for m in snapshot.get("metrics") or ()]
    found = {**snapshot, "metrics": metrics, "colours": _colours(snapshot)}
    found["omitted"] = []
    if _fits(found):
        return found
    found["steps"] = [_without_defaults(step) for step in found.get("steps") or ()]
    for cut in _CUTS:
        if _fits(found):
            break
        found["omitted"] += list(cut(found))
    return found


def _fits(found: Mapping[str, Any]) -> bool:
    return len(json.dumps(found, default=str)) <= FRAME


def _newest(metric: dict[str, Any], most: int) -> dict[str, Any]:
    values = list(metric.get("values") or ())
    dropped = max(len(values) - most, 0)
    first = int(metric.get("first") or 0) + dropped
    return {**metric, "values": list(map(_json, values[dropped:])), "first": first}


def _json(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _colours(snapshot: Snapshot) -> dict[str, str]:
    """Of the backends whose results are drawn."""
    names: dict[str, None] = {}
    for step in snapshot.get("steps") or ():
        shown = step.get("results") or {}
        for one in shown.get("series") or shown.get("counts") or ():
            if one.get("backend"):
                names[one["backend"]] = None
    return {name: colour_of(name) for name in names}


def _without_defaults(step: Mapping[str, Any]) -> dict[str, Any]:
    """The view knows what a field is that it is not told."""
    return {k: v for k, v in step.items() if k == "name" or v not in _EMPTY}


# Each changes what it is given, and says what it has left out.


def _values(found: dict[str, Any]) -> Iterator[str]:
    metrics = found["metrics"]
    if any(len(metric["values"]) > _FEW_VALUES for metric in metrics):
        found["metrics"] = [_newest(metric, _FEW_VALUES) for metric in metrics]
        yield "older values of metrics"


def _tracebacks(found: dict[str, Any]) -> Iterator[str]:
    if _dropped(found, "traceback"):
        yield "tracebacks"


def _results(found: dict[str, Any]) -> Iterator[str]:
    if _dropped(found, "results"):
        found["colours"] = {}
        yield "latest results"


def _dropped(found: dict[str, Any], field: str) -> bool:
    some = [step for step in found["steps"] if step.pop(field, None)]
    return bool(some)


def _rows(found: dict[str, Any]) -> Iterator[str]:
    for field, take in (
        ("metrics", slice(None, _FEW_ROWS)),
        ("events", slice(None, _FEW_ROWS)),
        ("jobs", slice(-_FEW_ROWS, None)),
        ("inputs", slice(None, _FEW_ROWS)),
    ):
        rows = found.get(field) or []
        if len(rows) > _FEW_ROWS:
            found[field] = rows[take]
            yield f"all but {_FEW_ROWS} {field}"


def _letters(found: dict[str, Any]) -> Iterator[str]:
    """Texts that a person wrote, or a provider: nothing else bounds them."""
    before = json.dumps(found, default=str)
    for field, value in found.items():
        if field not in ("steps", "omitted"):
            found[field] = _short(value)
    found["steps"] = [{**step, **_texts(step)} for step in found["steps"]]
    if json.dumps(found, default=str) != before:
        yield "the ends of long texts"


def _texts(step: Mapping[str, Any]) -> dict[str, Any]:
    """All but names, which other steps refer to."""
    fields = ("error", "backend", "phase", "dims", "inputs")
    return {each: _short(step[each]) for each in fields if each in step}


def _short(value: Any) -> Any:
    match value:
        case str() if len(value) > _FEW_LETTERS:
            return f"{value[: _FEW_LETTERS - 1]}…"
        case dict():
            return {key: _short(each) for key, each in value.items()}
        case list() | tuple():
            return [_short(each) for each in value[:_FEW_STEPS]]
    return value


def _steps(found: dict[str, Any]) -> Iterator[str]:
    """Those that need a look come first, and all stay in their order."""
    steps = found["steps"]
    most = _FEW_STEPS
    while len(steps) > 1 and (len(steps) > most or not _fits(found)):
        found["steps"] = _chosen(steps, most)
        if _fits(found):
            break
        most //= 2
    shown = {step["name"] for step in found["steps"]}
    found["steps"] = [_only(step, shown) for step in found["steps"]]
    if len(shown) < len(steps):
        yield f"{len(steps) - len(shown):,} of {len(steps):,} steps"


def _chosen(steps: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    urgent = [i for i, s in enumerate(steps) if s.get("state") in _URGENT]
    others = [i for i, s in enumerate(steps) if s.get("state") not in _URGENT]
    return [steps[i] for i in sorted([*urgent, *others][:most])]


def excerpt(snapshot: Snapshot, most: int) -> dict[str, Any]:
    """A run with at most so many steps, without results, metrics and tracebacks.

    Its message says how many steps there are.
    """
    steps = list(snapshot.get("steps") or ())
    kept = [
        {**step, **_texts(step), "results": None, "traceback": None}
        for step in _chosen(steps, most)
    ]
    names = {step["name"] for step in kept}
    said = f"{len(kept):,} of {len(steps):,} steps are shown, without their results."
    message = " ".join(filter(None, (_short(snapshot.get("message")), said)))
    shown = [_only(step, names) for step in kept]
    return {**snapshot, "steps": shown, "metrics": [], "message": message}


def _only(step: Mapping[str, Any], shown: set[str]) -> dict[str, Any]:
    needs = [name for name in step.get("needs") or () if name in shown]
    return {**step, "needs": needs}


_CUTS: tuple[Callable[[dict[str, Any]], Iterator[str]], ...] = (
    _values,
    _tracebacks,
    _results,
    _rows,
    _letters,
    _steps,
)
