"""The cells of the published notebooks as scripts."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from quantumflow_lab.grid import Grid
from tests.unit.hidden import plain

if TYPE_CHECKING:
    from quantumflow_lab import Lab, Run

HIDDEN = Path(__file__).with_name("hidden.py")
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SIGNIFICANCE = 1e-4
"""Of all comparisons of a test together; the seeds are fixed."""

EXACT = {
    ("03", "vqe", "exact"),
    ("03", "vqe", "ground_state"),
    ("04", "zne", "ideal"),
}
"""Steps that follow from exact estimates."""


def cells(number: str) -> dict[str, str]:
    """The ``%%qflow`` cells of a notebook, by name."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    texts = ["".join(each["source"]) for each in notebook["cells"]]
    return {t.split()[1]: t for t in texts if t.startswith("%%qflow")}


def decay_model(t: Any, a: float, t1: float, c: float) -> Any:
    """As in the notebook of sweeps."""
    return a * np.exp(-t / t1) + c


@pytest.mark.slow
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "07"])
def test_scripts_of_a_notebook_give_what_its_runs_gave(
    lab: Lab, tmp_path: Path, number: str
) -> None:
    from scipy.optimize import curve_fit

    inputs: dict[str, Any] = {"np": np, "curve_fit": curve_fit}
    inputs["decay_model"] = decay_model
    runs: dict[str, Run] = {}
    for name, text in cells(number).items():
        if name == "fragile":
            continue  # it fails on purpose, and so would its script
        inputs[name] = runs[name] = lab.run(text, inputs=inputs)
        runs[name].raise_failure()
    paths = {name: str(lab.export(name, to=tmp_path)[0]) for name in runs}
    out = tmp_path / "values.pickle"
    done = subprocess.run(
        [sys.executable, "-I", HIDDEN, out, *paths.values()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = pickle.loads(out.read_bytes())
    tables = []
    for name, run in runs.items():
        for step in run:
            mine, theirs = values(run[step]), found[paths[name]][step]
            assert len(mine) == len(theirs)
            if (number, name, step) in EXACT:
                assert numbers(theirs) == pytest.approx(numbers(mine), abs=1e-10)
            if run.workflow.step(step).kind == "sample":
                tables += list(zip(bits(mine), bits(theirs), strict=True))
    for pair in tables:
        keys = sorted({*pair[0], *pair[1]})
        if len(keys) > 1:
            table = [[each.get(key, 0) for key in keys] for each in pair]
            assert chi2_contingency(table).pvalue > SIGNIFICANCE / len(tables)


def values(value: Any) -> list[Any]:
    points = [v for _, v in value.items()] if isinstance(value, Grid) else [value]
    return [plain(each) for each in points]


def bits(value: Any) -> list[dict[str, int]]:
    """Every table of counts in a value."""
    if isinstance(value, dict) and all(isinstance(v, int) for v in value.values()):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [table for each in inner for table in bits(each)]


def numbers(value: Any) -> list[float]:
    """Every number in a value."""
    if isinstance(value, int | float):
        return [float(value)]
    if isinstance(value, str | None):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [number for each in inner for number in numbers(each)]
