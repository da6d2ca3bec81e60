"""The site builds without a warning, and asks no network for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import quantumflow_lab as qf

ROOT = Path(__file__).parents[2]
LOADED_BY = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "embed": "src",
    "object": "data",
    "link": "href",
}
"""Tags that make a browser load something, and the attribute that says what."""
FROM_ELSEWHERE = re.compile(
    r"""(?:url\(|@import|importScripts\(|fetch\(|\.src\s*=)\s*["']?(?:https?:)?//"""
)


class Loads(HTMLParser):
    """What a page loads without being asked to follow a link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loaded = dict(attrs).get(LOADED_BY.get(tag, ""))
        if loaded and not loaded.startswith("data:"):
            self.found.append(loaded)


def build(folder: Path) -> Path:
    """The site without the outputs of notebooks, which ``make site`` adds."""
    source, built = folder / "source", folder / "built"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QFLOW_HOME": str(folder / "home"),
        "QFLOW_SITE_NOTEBOOKS": "off",
        # Nobody listens there, so that whatever asks a network fails.
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    sphinx = ["sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-c", "docs"]
    for module in (
        ["docs._sphinx.staging", str(source)],
        [*sphinx, "-d", str(folder / "doctrees"), str(source), str(built)],
    ):
        done = subprocess.run(
            [sys.executable, "-P", "-m", *module],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return built


def not_there(page: Path) -> list[str]:
    """What a page loads and the site does not have."""
    loads = Loads(page.read_text(encoding="utf-8")).found
    return [
        f"{page.name}: {each}"
        for each in loads
        if not (page.parent / re.split("[?#]", each)[0]).exists()
    ]


# One test, since each process of a parallel run would build a site of its own.
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_site_builds_without_warnings_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    site = build(tmp_path)

    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    assert [each for page in pages for each in not_there(page)] == []

    code = [*site.rglob("*.css"), *site.rglob("*.js")]
    assert len(code) > 5
    foreign = [f for f in code if FROM_ELSEWHERE.search(f.read_text(encoding="utf-8"))]
    assert foreign == []

    formulas = site / "tutorials" / "05_your_own_backend.html"
    assert formulas.read_text(encoding="utf-8").count("<math") == 11


def test_page_that_loads_from_another_host_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text('<script src="https://example.org/a.js"></script><img src="b.png">')
    (tmp_path / "b.png").touch()
    assert not_there(page) == ["a.html: https://example.org/a.js"]
    assert FROM_ELSEWHERE.search("a{background:url(//example.org/a.png)}")
    assert FROM_ELSEWHERE.search('@import "https://example.org/a.css"')


def test_every_public_name_has_a_place_in_the_reference() -> None:
    pages = "".join(page.read_text() for page in ROOT.glob("docs/api/*.md"))
    placed = re.findall(r"auto(?:class|function):: quantumflow_lab\.([\w.]+)", pages)
    assert {*qf.__all__} - {each.rpartition(".")[2] for each in placed} == {"graph"}
    assert "graph.get" in placed
