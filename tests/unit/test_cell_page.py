"""The examples of docs/cell.md as cells, and its tables against the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab.cell import bind
from quantumflow_lab.cell.magic_line import MAGIC_OPTIONS, parse_magic_line
from quantumflow_lab.cell.options import RULES
from quantumflow_lab.workflow import Workflow

PAGE = (Path(__file__).parents[2] / "docs" / "cell.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CELLS = [each for each in FENCES if each.startswith("%%qflow")]
# What the page defines between its cells.
NOTEBOOK = next(each for each in FENCES if each.startswith("threshold"))


def rows(heading: str) -> list[list[str]]:
    """First table below a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [re.split(r" *(?<!\\\\)\| *", line)[1:-1] for line in lines[2:]]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.split()[1])
def test_a_cell_of_the_page_reads_travels_and_binds(cell: str) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(NOTEBOOK, namespace)
    options = parse_magic_line(cell.split("\n")[0])
    flow = Workflow.from_source(cell, known=namespace)
    assert Workflow.from_json(flow.to_json()) == flow
    bound = bind(flow, namespace, set=options.set)
    assert list(bound.bodies) == list(flow.step_names)


def test_the_page_lists_every_option_of_a_step() -> None:
    assert [row[0].strip("`") for row in rows("Options")] == [r.name for r in RULES]


def test_the_page_lists_every_option_of_the_magic_line() -> None:
    listed = [
        row[0].strip("`").split("[=")[0].split()[0] for row in rows("The magic line")
    ]
    assert listed == [option.name for option in MAGIC_OPTIONS]
