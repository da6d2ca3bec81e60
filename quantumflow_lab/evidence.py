"""What the store knows of a run, gathered to compare it with another one."""

from __future__ import annotations

import json
from typing import Any

from quantumflow_lab.compare import (
    PointFacts,
    RunFacts,
    StepFacts,
    ancestors_of,
    coordinates,
)
from quantumflow_lab.errors import StoreLocked
from quantumflow_lab.meant import label
from quantumflow_lab.stored import StoredRun


def calibration_dates(run: StoredRun) -> dict[str, str]:
    """Date of the calibration that a run met, by backend."""
    try:
        rows = run.shelf.query("calibrated_before", moment=run.record["started"] + 1e-3)
    except StoreLocked:
        return {}  # another program looks at the database: do without
    return {row["backend"]: row["date"] for row in rows}


def run_facts(run: StoredRun) -> RunFacts:
    """What is known of a run; values are read when they are asked for."""
    record = run.record
    options = record["options"]
    backends = list(record["backends"] or ())
    return RunFacts(
        run=run.id,
        label=label(run),
        state=run.state,
        started=record["started"],
        wall_s=record["wall_s"],
        seed=run.seed,
        seed_given=options.get("seed") is not None,
        workflow=run.workflow,
        options={name: options.get(name) for name in _OPTIONS} | {"set": run.asked.set},
        inputs=record["inputs"] or (),
        versions={**(record["versions"] or {}), "host": record["host"]},
        backends=backends,
        contents={
            name: key
            for name, key in (record["backend_keys"] or {}).items()
            # What has no content goes by its place in the memory of a process.
            if " at " not in key
        },
        calibrations=run.shelf.query("calibrations", backends=backends),
        steps=_steps(run),
        get=run.shelf.get,
        ancestors=ancestors_of(
            (row["run"], row["origin"])
            for row in run.shelf.query("lineage", run=run.id)
        ),
    )


_OPTIONS = ("among", "policy", "mode", "deadline", "budget", "shots", "precision")


def _steps(run: StoredRun) -> dict[str, StepFacts]:
    numbers = {row["step"]: row for row in run.shelf.query("steps", run=run.id)}
    calls: dict[str, list[Any]] = {}
    for row in run.shelf.query("calls", run=run.id):
        if row["value"] is not None:
            calls.setdefault(row["step"], []).append(row["value"])
    found = {}
    for step in run.workflow.steps:
        rows = list(run.rows.get(step.name, {}).values())
        points = [
            PointFacts(
                state=row["state"],
                value=row["value"] and json.loads(row["value"]),
                made=row["origin"],
                kept=row["kept"],
                reason=row["reason"],
            )
            for row in rows
        ]
        keys = coordinates([json.loads(row["point"]) for row in rows])
        found[step.name] = StepFacts(
            name=step.name,
            kind=step.kind,
            points=dict(zip(keys, points, strict=True)),
            numbers=numbers.get(step.name, {}),
            calls=calls.get(step.name, ()),
        )
    return found
