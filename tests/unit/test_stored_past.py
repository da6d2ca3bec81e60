"""A run that was left with some points of an axis whose length nobody wrote down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from quantumflow_lab.stored import StoredPast, StoredRun, StoredValues

WHOLE = (2, 4)
"""The true lengths of the axes."""


class Shelf:
    """Points as they were recorded before the process died."""

    def __init__(self, *indices: tuple[int, int]) -> None:
        self._indices = indices

    def units(self, run_id: str) -> list[dict[str, Any]]:
        return [
            {
                "step": "squares",
                "unit": i * WHOLE[1] + j,
                "point": json.dumps({"i": i, "angles": 10 * j}),
                "index": [i, j],
                "attempt": 1,
                "state": "done",
                "reason": None,
                "error": None,
                "started": 0.0,
                "ended": 1.0,
                "value": json.dumps({"value": [i, j]}),
                "origin": None,
                "kept": False,
            }
            for i, j in self._indices
        ]

    def query(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        return []

    def get(self, reference: Mapping[str, Any]) -> object:
        return reference["value"]


RECORD = {
    "run": "r",
    "name": "work",
    "number": 1,
    "keys": {},
    "backend_keys": {},
    "options": {
        "plan": {
            "steps": [{"name": "squares", "kind": "step", "dims": ["i", "angles"]}],
            "axes": {"i": {"values": [0, 1], "kept": None, "unit": None}},
        }
    },
}


def test_points_are_found_by_their_place_however_few_there_are() -> None:
    run = StoredRun(RECORD, Shelf((0, 2), (1, 0)))
    step = StoredPast(run).steps["squares"]
    assert run.axes == {"i": (0, 1), "angles": (0, None, 20)}
    assert step.shape == (2, 3)
    found = {n: step.point(n) for n in range(6)}
    assert {n: made.number for n, made in found.items() if made} == {2: 2, 3: 4}
    assert step.value(3) == [1, 0]
    values = run.steps["squares"].values
    assert (values[2], values[3]) == ([0, 2], [1, 0])


def test_a_value_is_decoded_once_as_long_as_there_is_room() -> None:
    read: list[str] = []

    class Counted(Shelf):
        def get(self, reference: Mapping[str, Any]) -> object:
            read.append(reference["ref"])
            return {"ref": reference["ref"]}

    def row(size: int, ref: str) -> dict[str, Any]:
        value = json.dumps({"ref": ref, "bytes": size})
        return {"state": "done", "value": value, "attempt": 1}

    rows = {0: row(1000, "small"), 1: row(2**30, "large"), 2: row(1000, "other")}
    values = StoredValues(rows, 3, Counted())
    assert values[0] is values[0]
    assert list(values) == list(values)
    assert read == ["small", "large", "other", "large"]  # not the others again
