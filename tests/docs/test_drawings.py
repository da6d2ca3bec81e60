"""The drawings: made by the script, drawn from the page's own words."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs._sphinx.draw import Arrow, Box, Drawing
from docs._sphinx.pictures import DRAWINGS, FOLDER
from docs._sphinx.states import drawn, edges

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_committed_drawing_is_what_the_script_draws(name: str) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert kept == DRAWINGS[name].svg(), "run python -m docs._sphinx.pictures"


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_boxes_lie_within_the_picture_and_do_not_overlap(name: str) -> None:
    drawing = DRAWINGS[name]
    boxes = [box for box in drawing.boxes if box.kind != "area"]
    for box in boxes:
        assert box.x >= 0
        assert box.x + box.w <= drawing.width
        assert box.y + box.h <= drawing.height
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a.x + a.w <= b.x or b.x + b.w <= a.x
            assert apart or a.y + a.h <= b.y or b.y + b.h <= a.y, (a.name, b.name)


def test_words_are_escaped() -> None:
    drawing = Drawing("a < b", 300, 80, [Box("<a>", 0, 0), Box("b", 160, 0)])
    root = ElementTree.fromstring(drawing.svg())
    assert root.get("aria-label") == "a < b"
    assert "<a>" in [each.text for each in root.iter() if each.text]


def test_arrow_from_a_box_that_is_not_there_fails() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        Drawing("", 9, 9, [], [Arrow("nowhere:e", "b:w")]).svg()


def test_diagram_of_the_scheduler_is_drawn_whole() -> None:
    page = (ROOT / "docs" / "scheduler.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    drawing = drawn(text)
    assert len(drawing.arrows) == len(edges(text)) == text.count("-->") - 1
    assert {box.name for box in drawing.boxes if box.kind == "brand"} == {
        *("done", "failed", "skipped", "cancelled", "abandoned")
    }


def test_state_without_a_place_says_where_to_give_it_one() -> None:
    with pytest.raises(ValueError, match=r"state dreaming has no place: .*PLACES"):
        edges("stateDiagram-v2\n  waiting --> dreaming: night")


def test_other_kinds_of_diagram_are_refused() -> None:
    with pytest.raises(ValueError, match="only stateDiagram-v2 can be drawn"):
        drawn("flowchart LR\n a --> b")
