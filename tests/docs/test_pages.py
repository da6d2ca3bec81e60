"""The pages: their links lead somewhere, their Python examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDERS = ("*.md", "docs/**/*.md", "deploy/*.md")
PAGES = sorted(page for each in FOLDERS for page in ROOT.glob(each))
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page without its code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What a link may name on this page, made from its headings as GitHub does."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def python_cells(page: Path) -> list[str]:
    fences = FENCE.findall(page.read_text(encoding="utf-8"))
    return [code for language, code in fences if language == "python"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (page.parent / target).resolve() if target else page
        ok = path.exists() and (not anchor or anchor in anchors(path))
        broken += [] if ok else [link]
    assert broken == []


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """A fresh IPython without history, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    config = Config(HistoryManager={"enabled": False})
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("page", [p for p in PAGES if python_cells(p)], ids=name)
def test_python_examples_of_a_page_run_in_order(
    page: Path, shell: InteractiveShell
) -> None:
    """A fence marked ``python`` is a cell; other code is marked otherwise."""
    for cell in python_cells(page):
        shell.run_cell(cell).raise_error()
