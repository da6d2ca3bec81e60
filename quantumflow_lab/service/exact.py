"""Answers as bytes of the codec, for who has the package as well."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from quantumflow_lab import codec
from quantumflow_lab.errors import NotStorable
from quantumflow_lab.run import Run, RunData, StepData
from quantumflow_lab.runner.records import options_of
from quantumflow_lab.service.plain import hidden
from quantumflow_lab.service.stream import view_of

MEDIA = "Qflow-Media"
"""The header that tells how the bytes are read."""
EXACT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"}
            }
        }
    }
}
"""For the description of routes that answer so."""


def exact(value: object) -> Response:
    """A value as an answer."""
    encoded = codec.encode(value)
    return Response(
        encoded.data,
        media_type="application/octet-stream",
        headers={MEDIA: encoded.media},
    )


def described(run: Run, *, code: bool) -> dict[str, Any]:
    """All of a run but its values and its snapshot.

    Parameters
    ----------
    run
        The run.
    code
        Whether who asks may run code here: tracebacks show paths of this machine.
    """
    data = run.data
    traces = {
        step["name"]: step.get("traceback")
        for step in view_of(run, code=code).get("steps", ())
    }
    return {
        "id": data.id,
        "name": data.name,
        "state": run.state,
        "seed": data.seed,
        "document": data.workflow.to_document(),
        "asked": options_of(data.asked),
        "axes": {
            name: [_kept(each) for each in values] for name, values in data.axes.items()
        },
        "units": dict(data.units),
        "error": _error(data.error),
        "steps": [_step(data, each, traces) for each in data.steps.values()],
    }


def _step(data: RunData, step: StepData, traces: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": step.kind,
        "dims": list(step.dims),
        "shape": None if step.shape is None else list(step.shape),
        "final": step.final,
        "total": len(step.values),
        "error": _error(step.error()),
        "traceback": traces.get(step.name),
    }


def _error(error: BaseException | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"type": type(error).__name__, "message": hidden(str(error))}


def rows_of(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Rows of queries, of which what the codec does not know becomes text."""
    return {
        name: [{key: _kept(value) for key, value in row.items()} for row in rows]
        for name, rows in found.items()
    }


def _kept(value: object) -> object:
    try:
        codec.encode(value)
    except NotStorable:
        return str(value)
    return value
