"""A run read back from the store, after its kernel has gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from heapq import nlargest
from math import prod
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from quantumflow_lab.amounts import cap
from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import QuantumFlowError, RunCancelled, RunError, StoreError
from quantumflow_lab.grid import Failed
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.runner.drawing import Spot
from quantumflow_lab.runner.live import MISSING, Missing, Output
from quantumflow_lab.runner.past import Metrics, Origin, PastPoint
from quantumflow_lab.runner.places import Places
from quantumflow_lab.runner.snapshot import metric_line, money_text
from quantumflow_lab.runner.watch import POINTS, Watch
from quantumflow_lab.workflow import Workflow


class Shelf(Protocol):
    """What it asks of a store."""

    def units(self, run_id: str) -> list[dict[str, Any]]:
        """The latest record of each point of a run."""

    def query(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """Rows of a named query."""

    def get(self, reference: Mapping[str, Any]) -> object:
        """The value behind a reference."""


_KEPT_BYTES = 64 << 20
"""Bytes of the values of one step, as they are stored, that stay decoded."""
_DRAWN_BYTES = 1 << 20
"""Bytes of a value, as it is stored, that is decoded to be drawn."""
_ENTRY = 100
"""Bytes that the smallest value takes."""


class StoredValues(Sequence[Any]):
    """Values of a step's points, decoded when first looked at.

    As in a run that has just ended, who looks twice gets the same object. Beyond
    64 MiB, values are read anew.

    Parameters
    ----------
    rows
        The latest record of each point that has one.
    size
        Number of points.
    shelf
        Has their values.
    absent
        What stands where no record is.
    """

    def __init__(
        self,
        rows: Mapping[int, dict[str, Any]],
        size: int,
        shelf: Shelf,
        absent: Failed | Missing = MISSING,
    ):
        self._rows = rows
        self._size = size
        self._shelf = shelf
        self._absent = absent
        self._decoded: dict[int, Any] = {}
        self._room = _KEPT_BYTES

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, point: Any) -> Any:
        if point in self._decoded:
            return self._decoded[point]
        row = self._rows.get(point)
        if row is None:
            if not 0 <= point < self._size:
                raise IndexError(point)
            return self._absent
        if row["state"] != "done":
            return Failed(row["reason"] or "", row["error"] or "", row["attempt"])
        if row["value"] is None:
            return Failed(
                "NotStorable",
                "this value lived in memory only; run its cell again to have it",
                row["attempt"],
            )
        reference = json.loads(row["value"])
        value = self._shelf.get(reference)
        size = reference.get("bytes", 0) + _ENTRY
        if size <= self._room:
            self._decoded[point] = value
            self._room -= size
        return value

    def __iter__(self) -> Iterator[Any]:
        return (self[point] for point in range(self._size))

    def looked_at(self, point: int) -> Any:
        """A value that nobody keeps; ``MISSING`` beyond 1 MiB."""
        text = self._rows[point]["value"]
        reference = json.loads(text) if text else None
        if reference is None or reference.get("bytes", 0) > _DRAWN_BYTES:
            return MISSING
        return self._shelf.get(reference)

    def ended(self) -> Iterator[tuple[int, float]]:
        """Each point that is done, and when it ended, in seconds since 1970."""
        for point, row in self._rows.items():
            if row["state"] == "done":
                yield point, row["ended"] or 0.0


@dataclass(frozen=True, slots=True)
class PastValues:
    """One step of a stored run, as :class:`quantumflow_lab.runner.past.PastStep`."""

    dims: tuple[str, ...]
    shape: tuple[int, ...] | None
    rows: Mapping[int, Mapping[str, Any]]
    run: str
    numbers: Mapping[str, int]
    """Number of each run of the name, by its id."""
    shelf: Shelf

    def point(self, number: int) -> PastPoint | None:
        """A point by its flat number, if it is done."""
        row = self.rows.get(number)
        if row is None or row["state"] != "done":
            return None
        run = row["origin"] if row["kept"] else self.run
        origin = Origin(run, self.numbers.get(run), row["ended"])
        ref = row["value"] and json.loads(row["value"])
        return PastPoint(row["unit"], ref, origin, row["started"])

    def value(self, number: int) -> Any:
        """Its value; ``MISSING`` if it lived in memory only, or was deleted."""
        ref = self.rows[number]["value"]
        try:
            return MISSING if ref is None else self.shelf.get(json.loads(ref))
        except StoreError:
            return MISSING


class StoredPast:
    """A run of the store as the past of another one."""

    def __init__(self, data: StoredRun) -> None:
        self._data = data
        self.run, self.name = data.id, data.name
        self.keys: Mapping[str, str | None] = data.record["keys"] or {}
        self.backends: Mapping[str, str] = data.record["backend_keys"] or {}
        self.number: int | None = data.record["number"]
        self.axes = data.axes

    @cached_property
    def steps(self) -> Mapping[str, PastValues]:
        """Every step that has a point."""
        return {
            name: PastValues(
                dims=step.dims,
                shape=step.shape,
                rows=_placed(self._data.rows.get(name, {}), step.shape),
                run=self.run,
                numbers=self._data.numbers,
                shelf=self._data.shelf,
            )
            for name, step in self._data.steps.items()
        }

    @cached_property
    def outputs(self) -> Sequence[Output]:
        """What the steps printed."""
        return self._data.outputs

    @cached_property
    def metrics(self) -> Metrics:
        """What the points logged."""
        found: dict[tuple[str, int], dict[str, list[float]]] = {}
        for row in self._data.shelf.query("metrics", run=self.run):
            names = found.setdefault((row["step"], row["unit"]), {})
            names.setdefault(row["name"], []).append(row["value"])
        return found


@dataclass(frozen=True, slots=True)
class StoredStep:
    """One step of a stored run."""

    name: str
    kind: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    values: StoredValues
    final: bool
    message: str | None
    """Reason of the first point that failed."""

    def error(self) -> BaseException | None:
        """What the first failed point said, as far as it was kept."""
        return None if self.message is None else RunError(self.message)


@dataclass
class StoredRun:
    """A run as its records tell it; implements :class:`quantumflow_lab.run.RunData`."""

    record: Mapping[str, Any]
    """The run's record, with ``state``, ``error`` and ``wall_s`` of its end."""
    shelf: Shelf
    finished: Future[None] = field(default_factory=Future)
    """Done at once: nobody goes on with it here."""
    held: bool = False
    """Whether another process went on with it when its record was read."""

    def __post_init__(self) -> None:
        self.finished.set_result(None)

    @property
    def id(self) -> str:
        """Identifier in the store."""
        return str(self.record["run"])

    @property
    def name(self) -> str:
        """Name of the workflow."""
        return str(self.record["name"])

    @property
    def state(self) -> str:
        """``done``, ``failed``, ``cancelled``, or ``unfinished`` if its kernel died.

        One that another process holds is ``running``.
        """
        return self._as_held(str(self.record["state"]))

    def _as_held(self, state: str) -> str:
        return "running" if self.held and state == "unfinished" else state

    paused = False
    """What has ended does not wait."""

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.record["seed"])

    @property
    def asked(self) -> Asked:
        """The options it was asked for, backends by name."""
        kept = self.record["options"]
        return Asked(
            backend=tuple(kept["backend"]),
            among=tuple(kept.get("among", ())),
            policy=kept.get("policy"),
            mode=kept.get("mode"),
            deadline=kept.get("deadline"),
            budget=kept.get("budget"),
            shots=kept["shots"],
            precision=kept["precision"],
            seed=kept.get("seed"),
            set=kept["set"],
            executor=kept.get("executor"),
        )

    @property
    def error(self) -> Exception | None:
        """What broke the run itself."""
        text = self.record["error"]
        return None if text is None else QuantumFlowError(text)

    @cached_property
    def workflow(self) -> Workflow:
        """What was run."""
        return Workflow.from_json(self.record["document"])

    @property
    def _plan(self) -> Mapping[str, Any]:
        plan: Mapping[str, Any] = self.record["options"]["plan"]
        return plan

    @cached_property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """Values of every axis; those of a ``map`` axis as far as points were kept."""
        known = {name: self._axis(axis) for name, axis in self._plan["axes"].items()}
        labels: dict[str, dict[int, Any]] = {}
        for step in self._plan["steps"]:
            rows = self.rows.get(step["name"], {}).values()
            for at, name in enumerate(step["dims"]):
                if name not in known:
                    found = labels.setdefault(name, {})
                    found |= {
                        row["index"][at]: json.loads(row["point"])[name] for row in rows
                    }
        # Points come in any order: of those before the last, some may be missing.
        return known | {
            name: tuple(found.get(i) for i in range(max(found, default=-1) + 1))
            for name, found in labels.items()
        }

    def _axis(self, axis: Mapping[str, Any]) -> tuple[Any, ...]:
        kept = self.shelf.get(axis["kept"]) if axis["kept"] else axis["values"]
        assert isinstance(kept, list), "an axis is written as a list"
        return tuple(kept)

    @property
    def units(self) -> Mapping[str, str | None]:
        """Unit of each axis that has one."""
        return {name: axis["unit"] for name, axis in self._plan["axes"].items()}

    @cached_property
    def rows(self) -> dict[str, dict[int, dict[str, Any]]]:
        """The latest record of each point, by step and flat number."""
        rows: dict[str, dict[int, dict[str, Any]]] = {}
        for row in self.shelf.units(self.id):
            rows.setdefault(row["step"], {})[row["unit"]] = row
        return rows

    @cached_property
    def _said(self) -> dict[str, dict[str, Any]]:
        """What the store knows of each step."""
        return {row["step"]: row for row in self.shelf.query("steps", run=self.id)}

    @property
    def _ended(self) -> set[str]:
        """Steps whose end was recorded; of others, points may be missing."""
        return {n for n, row in self._said.items() if row["state"] != "unfinished"}

    @property
    def outputs(self) -> Sequence[Output]:
        """What steps printed, in order."""
        rows = self.shelf.query("outputs", run=self.id)
        return [
            Output(row["step"], row["mime"], row["text"], row["unit"] or 0)
            for row in rows
        ]

    @cached_property
    def steps(self) -> Mapping[str, StoredStep]:
        """Every step of the run."""
        return {step["name"]: self._step(step) for step in self._plan["steps"]}

    def _step(self, step: Mapping[str, Any]) -> StoredStep:
        dims = tuple(step["dims"])
        shape = tuple(len(self.axes[name]) for name in dims)
        rows = self.rows.get(step["name"], {})
        failed = [r for r in rows.values() if r["state"] == "failed"]
        first = min(failed, key=lambda r: int(r["unit"]), default=None)
        return StoredStep(
            name=step["name"],
            kind=step["kind"],
            dims=dims,
            shape=shape,
            values=StoredValues(
                _placed(rows, shape), prod(shape), self.shelf, self._absent(step)
            ),
            final=step["name"] in self._ended,
            message=self._hidden(first and f"{first['reason']}: {first['error']}"),
        )

    def _absent(self, step: Mapping[str, Any]) -> Failed | Missing:
        """What a point without a record is: open, or cancelled before it began."""
        if not self._stopped_short(step["name"]):
            return MISSING
        words = f"step '{step['name']}' was cancelled"
        return Failed(RunCancelled.__name__, words, 0)

    def _stopped_short(self, step: str) -> bool:
        """Whether a step has ended without some of its points."""
        row = self._said.get(step)
        return row is not None and row["state"] not in ("done", "unfinished")

    @staticmethod
    def _hidden(text: Any) -> str | None:
        """What an error said, without secrets that it quotes."""
        return None if text is None else Secrets.of().hide_text(text)

    @cached_property
    def view(self) -> dict[str, Any]:
        """The run as a snapshot, for widgets and text."""
        rows, results = self._said, self._results()
        return {
            "name": self.name,
            "run": self.id,
            "state": self.state,
            "started": self.record["started"],
            "elapsed": self._elapsed(),
            "message": self._hidden(self.record["error"]) or self._advice(),
            "steps": [
                {
                    **self._step_view(each, rows.get(name)),
                    "results": results.get(name),
                }
                for name, each in self.steps.items()
            ],
            "inputs": [
                {"name": i["name"], "summary": i["summary"]}
                for i in self.record["inputs"]
            ],
            "metrics": self._metrics(),
            "cost": {
                "machine_s": sum(row["machine_s"] or 0.0 for row in rows.values()),
                "money": money_text(cap(self.asked.budget), self._spent()),
            },
        }

    def _elapsed(self) -> float:
        """Seconds that it took, or has taken so far."""
        if self.state == "running":
            return max(time.time() - float(self.record["started"]), 0.0)
        return float(self.record["wall_s"] or 0.0)

    def _advice(self) -> str | None:
        if self.state != "unfinished":
            return None
        return f"%qflow resume {self.name} goes on, unless another process has it"

    def _spent(self) -> dict[str, Decimal]:
        return {name: Decimal(str(cost)) for name, cost in self.record["costs"] or ()}

    def _kept(self, step: StoredStep) -> dict[str, Any] | None:
        """How many points an earlier run has made."""
        rows = [r for r in self.rows.get(step.name, {}).values() if r["kept"]]
        if not rows:
            return None
        newest = max(rows, key=lambda row: float(row["ended"]))
        age = max(self.record["started"] - newest["ended"], 0.0)
        number = self.numbers.get(newest["origin"])
        return {"count": len(rows), "number": number, "age": age}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of each run of the name, by its id."""
        rows = self.shelf.query("history", name=self.name)
        return {row["run"]: row["number"] for row in rows}

    def _cached(self, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """How many points took results of other runs; None also if those are gone."""
        if row is None or row["origin_name"] is None:
            return None
        age = max(self.record["started"] - row["origin_ended"], 0.0)
        # How much of a result was there is not recorded, only that the rest was run.
        part = {"unit": ""} if row["jobs"] else None
        found = {"count": row["cached"], "name": row["origin_name"], "age": age}
        return {**found, "part": part}

    def _step_view(
        self, step: StoredStep, row: dict[str, Any] | None
    ) -> dict[str, Any]:
        states = [r["state"] for r in self.rows.get(step.name, {}).values()]
        if self._stopped_short(step.name):
            states += ["cancelled"] * (len(step.values) - len(states))
        names, counts = np.unique(states, return_counts=True)
        return {
            "name": step.name,
            "kind": step.kind,
            "needs": list(self.workflow.edges(step.name)),
            "inputs": list(self.workflow.inputs_of(step.name)),
            "dims": [[name, len(self.axes[name])] for name in step.dims],
            "backend": row and row["backend"],
            "total": len(step.values),
            "counts": dict(zip(names.tolist(), counts.tolist(), strict=True)),
            "state": self._as_held(row["state"]) if row else "waiting",
            "phase": None,
            "seconds": row and row["wall_s"],
            "error": step.message,
            "jobs": row["jobs"] if row else 0,
            "calls": None,
            "cached": self._cached(row),
            "kept": self._kept(step),
        }

    def _results(self) -> dict[str, dict[str, Any]]:
        """What is drawn of each step, as of a run that goes on."""
        watch, places = Watch(), Places(self.axes, self.units)
        ended = {name: list(step.values.ended()) for name, step in self.steps.items()}
        newest = [
            (when, name, point)
            for name, points in ended.items()
            for point, when in nlargest(POINTS, points, key=itemgetter(1))
        ]
        for _, name, point in sorted(newest):
            watch.ended(name, point)
        for name, latest in watch.latest.items():
            latest.ended = len(ended[name])

        def place(name: str, point: int) -> Spot:
            step = self.steps[name]
            index = np.unravel_index(point, step.shape)
            pairs = zip(step.dims, index, strict=True)
            return places.spot(point, {axis: self.axes[axis][i] for axis, i in pairs})

        return watch.results(self._value, place, final=True)

    def _value(self, step: str, point: int) -> Any:
        """A value to draw; ``MISSING`` if it is long, or was deleted."""
        try:
            return self.steps[step].values.looked_at(point)
        except StoreError:
            return MISSING

    def _metrics(self) -> list[dict[str, Any]]:
        lines: dict[tuple[str, int, str], list[float]] = {}
        for row in self.shelf.query("metrics", run=self.id):
            key = row["step"], row["unit"], row["name"]
            lines.setdefault(key, []).append(row["value"])
        return [
            metric_line(step, name, self._point(step, point), values)
            for (step, point, name), values in lines.items()
        ]

    def _point(self, step: str, point: int) -> str:
        row = self.rows.get(step, {}).get(point)
        here = json.loads(row["point"]) if row else {}
        return ", ".join(f"{name} {value}" for name, value in here.items())


def _placed(
    rows: Mapping[int, dict[str, Any]], shape: tuple[int, ...]
) -> dict[int, dict[str, Any]]:
    """Rows of points by flat number in a shape.

    Their own numbers count along axes of full length, which may not be known any more.
    """
    return {
        int(np.ravel_multi_index(row["index"], shape)) if shape else 0: row
        for row in rows.values()
    }
