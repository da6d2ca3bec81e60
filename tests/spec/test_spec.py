"""Every Markdown file beside this one: a cell, then the message it must give.

A case is a heading, a ``python`` fence with the cell, and a ``text`` fence with the
message. A fence marked ``python notebook`` is run first: the notebook's own names.
A case without a message must bind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from quantumflow_lab import errors
from quantumflow_lab.cell import bind
from quantumflow_lab.cell.magic_line import parse_magic_line
from quantumflow_lab.cell.text import misplaced_magic
from quantumflow_lab.workflow import Workflow

FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One heading of a file."""

    title: str
    notebook: str
    cell: str
    message: str | None


def cases() -> list[Case]:
    return [
        case
        for page in sorted(Path(__file__).parent.glob("*.md"))
        for case in read(page)
    ]


def read(page: Path) -> list[Case]:
    # Comments of the cells look like headings, so fences are taken out first.
    text, fences = page.read_text(encoding="utf-8"), list[tuple[str, str]]()

    def keep(match: re.Match[str]) -> str:
        fences.append((match[1].strip(), match[2]))
        return f"\0{len(fences) - 1}\0"

    parts = HEADING.split(FENCE.sub(keep, text))
    found = []
    for title, section in zip(parts[2::3], parts[3::3], strict=True):
        numbers = re.findall("\0(\\d+)\0", section)
        given = dict(fences[int(number)] for number in numbers)
        if "python" in given:
            case = Case(
                f"{page.stem}: {title}",
                given.get("python notebook", ""),
                given["python"],
                given.get("text"),
            )
            found.append(case)
    return found


def outcome(case: Case) -> str | None:
    """The message that a cell gives, as a notebook would print it."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(case.notebook, namespace)
    try:
        if fault := misplaced_magic(case.cell, file="Cell In[8]"):
            raise fault
        options = parse_magic_line(case.cell.split("\n")[0], file="Cell In[8]")
        workflow = Workflow.from_source(case.cell, options.name, file="Cell In[8]")
        bind(workflow, namespace, set=options.set)
    except errors.QuantumFlowError as error:
        return "\n".join(error._render_traceback_()) + "\n"
    return None


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.title)
def test_a_cell_gives_its_message(case: Case) -> None:
    assert outcome(case) == case.message


def test_every_error_of_a_cell_has_a_case() -> None:
    """All but the abstract class and those that no text of a cell can cause."""
    told = {case.message.split(":")[0] for case in cases() if case.message}
    kinds = {kind.__name__ for kind in errors.CellError.__subclasses__()}
    assert kinds - told == {"BadDocument", "EditRefused"}
