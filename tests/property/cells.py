"""Cells to edit: those of the notebooks, and generated ones with odd formatting."""

from __future__ import annotations

import builtins
import json
import keyword
from pathlib import Path

from hypothesis import strategies as st

from quantumflow_lab.cell.text import MAGIC
from quantumflow_lab.workflow import INJECTED, KINDS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RESERVED = {"qf", *INJECTED, *dir(builtins)}

names = st.text("abcdefgπé_", min_size=1, max_size=4).filter(
    lambda name: name.isidentifier()
    and not keyword.iskeyword(name)
    and name not in RESERVED
    and not name.startswith("_")
)
values = st.sampled_from(
    ["3", "[1, 2]  # two", "(  # one\n    1,\n)", "'ß, (#'", "{'a': [1]}", "-1.5"]
)
gaps = st.sampled_from(["", "\n", "\n\n", "\n# a comment, with (brackets\n\n", "# x\n"])


def published() -> list[str]:
    """The text of every ``%%qflow`` cell in the notebooks."""
    found = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "code" and text.startswith(MAGIC):
                found.append(text)
    return found


@st.composite
def signatures(draw: st.DrawFn, needs: list[str]) -> str:
    """Parameters on one line or several, with comments, defaults and a star."""
    parts = list(needs)
    if draw(st.booleans()):
        parts.append("own=(1, lambda a, b: a)")
    if parts and draw(st.booleans()):
        return (
            "(\n" + "".join(f"        {each},  # {each}, (\n" for each in parts) + ")"
        )
    star = draw(st.integers(0, len(parts)))
    if star < len(parts) and draw(st.booleans()):
        parts.insert(star, "*")
    return "(" + draw(st.sampled_from([", ", ",  ", ",\n        "])).join(parts) + ")"


@st.composite
def generated(draw: st.DrawFn) -> str:
    """A cell in which every step needs some of what stands above it."""
    every = draw(st.lists(names, min_size=3, max_size=7, unique=True))
    cut = draw(st.integers(0, len(every) - 2))
    lines = [
        draw(
            st.sampled_from(
                [
                    f"{MAGIC} prop",
                    f"{MAGIC} prop --shots 10 # --seed 3",
                    f'{MAGIC}  prop --budget="20 USD"  --backend a, b',
                ]
            )
        )
    ]
    if draw(st.booleans()):
        lines.append(draw(st.sampled_from(["import math", "\nfrom math import pi\n"])))
    above: list[str] = []
    for name in every[:cut]:
        value = draw(values)
        lines.append(draw(gaps) + f"{name} = {value}")
        above.append(name)
    for name in every[cut:]:
        needs = draw(st.lists(st.sampled_from(above), unique=True)) if above else []
        lines.append(draw(gaps) + draw(decorators()))
        lines.append(f"def {name}{draw(signatures(needs))}:")
        body = ["    # first, a comment", f"    return [{', '.join(needs)}]"]
        nested = [f"    {need} = (lambda {need}: {need})({need})" for need in needs[:1]]
        lines += draw(st.sampled_from([body, [*nested, *body]]))
        above.append(name)
    end = draw(st.sampled_from(["", "\n", "\n\n", "\n# the end\n"]))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return ("\n".join(lines) + end).replace("\n", newline)


@st.composite
def decorators(draw: st.DrawFn) -> str:
    """A decorator with or without options."""
    kind = draw(st.sampled_from(KINDS))
    options = [
        "",
        "(timeout=60)",
        "(retries=2, cache=True)",
        "(  # why\n    retries=2,  # twice\n    cache=True,\n)",
    ]
    return f"@qf.{kind}{draw(st.sampled_from(options))}"


def cells() -> st.SearchStrategy[str]:
    """Any of the two."""
    return st.sampled_from(published()) | generated()
