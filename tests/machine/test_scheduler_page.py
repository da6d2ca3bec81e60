"""docs/scheduler.md lists the words that really cross."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quantumflow_lab._words import UNIT_STATES, CommandCode, EventCode

PAGE = (Path(__file__).parents[2] / "docs" / "scheduler.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("heading", "codes"), [("event", EventCode), ("command", CommandCode)]
)
def test_page_lists_every_code_and_name_in_order(heading, codes):
    table = PAGE.partition(f"| code | {heading} |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", table, re.MULTILINE)
    assert rows == [(str(int(code)), code.name) for code in codes]


def test_page_lists_every_state_in_word_order():
    table = PAGE.partition("| state | means |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| ([a-z]+) \|", table, re.MULTILINE)) == UNIT_STATES
