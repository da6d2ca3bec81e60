"""Lay the pages of the site out in one folder, with links that hold there.

The repository keeps pages where a reader of the repository looks for them: notebooks in
``notebooks``, the changelog beside the readme. Sphinx wants them below one folder. So
they are copied, and the links between them are rewritten for their new places::

    python -m docs._sphinx.staging build/site-source
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TOP = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "deploy/README.md": "deploy.md",
}
"""Pages from outside of ``docs``, and where they come."""

_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1`*\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?\[(?:[^\]\[]|\[[^\]]*\])*\])\(([^)\s]+)\)")
_PAGES = (".md", ".rst")
_KEPT = (*_PAGES, ".png", ".svg")


def places(root: Path) -> dict[str, str]:
    """What is laid out: path in the repository -> path in the site, both with ``/``."""
    found = {each: place for each, place in TOP.items() if (root / each).is_file()}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        found[f"notebooks/{path.name}"] = f"tutorials/{path.name}"
    docs = root / "docs"
    for path in sorted(docs.rglob("*")):
        inner = path.relative_to(docs)
        hidden = any(part.startswith("_") for part in inner.parts)
        if path.suffix in _KEPT and not hidden:
            found[f"docs/{inner.as_posix()}"] = inner.as_posix()
    return found


def rewritten(text: str, page: str, layout: dict[str, str]) -> str:
    r"""Text of a page with its links made for the site.

    Parameters
    ----------
    text
        Markdown, or the JSON of a notebook.
    page
        Where the page is in the repository.
    layout
        What :func:`places` found.

    Returns
    -------
    str
        Links to pages lead to their places; of a link to a file that is no page its
        words remain. Fenced code is as it was.

    Examples
    --------
    >>> layout = {"notebooks/a.ipynb": "tutorials/a.ipynb", "docs/b.md": "b.md"}
    >>> rewritten("see [b](../docs/b.md#time)", "notebooks/a.ipynb", layout)
    'see [b](../b.md#time)'
    >>> rewritten("run by [make](../Makefile)", "docs/b.md", layout)
    'run by make'
    """
    pieces, end = [], 0
    for fence in _FENCE.finditer(text):
        pieces += [_linked(text[end : fence.start()], page, layout), fence[0]]
        end = fence.end()
    return "".join([*pieces, _linked(text[end:], page, layout)])


def _linked(text: str, page: str, layout: dict[str, str]) -> str:
    def moved(match: re.Match[str]) -> str:
        words, link = match[1], match[2]
        target, _, anchor = link.partition("#")
        if not target or "://" in link or link.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if path not in layout:
            return words[1:-1]
        start = posixpath.dirname(layout[page])
        place = posixpath.relpath(layout[path], start or ".")
        return f"{words}({place}{'#' + anchor if anchor else ''})"

    return _LINK.sub(moved, text)


def stage(root: Path, folder: Path) -> None:
    """Make `folder` hold the pages of `root` and nothing else.

    Files that did not change keep their times, so that Sphinx reads only what did.
    """
    layout = places(root)
    for source, place in layout.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        data = (root / source).read_bytes()
        if path.suffix in {".md", ".ipynb"}:
            data = rewritten(data.decode(), source, layout).encode()
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
    kept = {folder / place for place in layout.values()}
    for path in folder.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def main() -> int:
    """Stage this repository into the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m docs._sphinx.staging FOLDER")
    stage(ROOT, Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
