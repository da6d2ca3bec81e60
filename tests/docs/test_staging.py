"""Pages come to one folder, and their links lead to the same places there."""

from __future__ import annotations

import doctest
from pathlib import Path

from docs._sphinx import staging
from docs._sphinx.staging import places, rewritten, stage

ROOT = Path(__file__).parents[2]
LAYOUT = {
    "CHANGELOG.md": "changelog.md",
    "docs/store.md": "store.md",
    "docs/howto/a.md": "howto/a.md",
    "docs/pictures/x.png": "pictures/x.png",
    "notebooks/01.ipynb": "tutorials/01.ipynb",
}


def test_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(staging).failed == 0


def test_link_from_a_page_below_to_the_changelog_is_shortened() -> None:
    link = rewritten("[c](../../CHANGELOG.md)", "docs/howto/a.md", LAYOUT)
    assert link == "[c](../changelog.md)"


def test_picture_with_a_bracket_in_its_words_is_found() -> None:
    text = "![a [b] c](docs/pictures/x.png) and [d](docs/store.md#time)"
    moved = "![a [b] c](pictures/x.png) and [d](store.md#time)"
    assert rewritten(text, "CHANGELOG.md", LAYOUT) == moved


def test_links_elsewhere_and_on_the_page_stay() -> None:
    text = "[a](https://example.org/b.md) [b](#time) [c](mailto:x@example.org)"
    assert rewritten(text, "docs/store.md", LAYOUT) == text


def test_code_in_fences_stays() -> None:
    text = "```text\n[a](../notebooks/01.ipynb)\n```\n[a](../notebooks/01.ipynb)\n"
    assert rewritten(text, "docs/store.md", LAYOUT) == (
        "```text\n[a](../notebooks/01.ipynb)\n```\n[a](tutorials/01.ipynb)\n"
    )


def test_every_notebook_and_page_of_the_repository_has_a_place() -> None:
    layout = places(ROOT)
    assert {f"tutorials/{p.name}" for p in ROOT.glob("notebooks/*.ipynb")} <= {
        *layout.values()
    }
    assert {p.name for p in ROOT.glob("docs/*.md")} <= {*layout.values()}
    assert not [place for place in layout.values() if "_sphinx" in place]


def test_staging_again_keeps_times_and_drops_what_is_gone(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "site"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "a.md").write_text("# A\n")
    (root / "docs" / "b.md").write_text("# B\n")
    stage(root, folder)
    before = (folder / "a.md").stat().st_mtime_ns
    (root / "docs" / "b.md").unlink()
    stage(root, folder)
    assert (folder / "a.md").stat().st_mtime_ns == before
    assert not (folder / "b.md").exists()
