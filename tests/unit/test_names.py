"""The names of the package: all there, and none loaded where it is of no use."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import quantumflow_lab as qf
import quantumflow_lab.lab
import quantumflow_lab.workflow


@pytest.mark.parametrize("name", qf.__all__)
def test_every_public_name_is_found_and_documented(name: str) -> None:
    assert getattr(qf, name).__doc__
    assert name in dir(qf)


def test_functions_stay_when_modules_of_their_names_are_loaded() -> None:
    for name in ("lab", "workflow"):
        assert isinstance(sys.modules[f"quantumflow_lab.{name}"], ModuleType)
        assert callable(getattr(qf, name))


def test_another_name_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="'quantumflow_lab' has no attribute 'no'"):
        _ = qf.no  # type: ignore[attr-defined]  # that is the point


def test_a_worker_starts_without_the_lab_and_its_views() -> None:
    code = "import sys, quantumflow_lab.workers.child; print(*sys.modules)"
    command = [sys.executable, "-P", "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    needless = {"quantumflow_lab.lab", "duckdb", "IPython", "ipywidgets", "matplotlib"}
    assert not needless & {*loaded.split()}
