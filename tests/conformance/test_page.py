"""The page lists every check, as the catalogue has it."""

from __future__ import annotations

from pathlib import Path

from quantumflow_lab.backends.conformance import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
START, END = "<!-- checks -->\n", "<!-- end of checks -->"


def table() -> str:
    """The checks as Markdown, as docs/conformance.md prints them."""
    lines = [
        "| check | asks | why | decided | when it fails |",
        "|---|---|---|---|---|",
    ]
    for check in CHECKS:
        cells = (check.asks, check.why, check.decided, check.remedy)
        lines.append(f"| `{check.name}` | {' | '.join(cells)} |")
    return "\n".join(lines).replace("|0>", "\\|0⟩") + "\n"


def test_the_page_prints_the_checks() -> None:
    printed = PAGE.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    hint = "refresh the page: python tests/conformance/test_page.py"
    assert printed == table(), hint


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    PAGE.write_text(before + START + table() + END + rest.partition(END)[2], "utf-8")
