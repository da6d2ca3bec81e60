"""Drawings become part of the page, so that they take its colours, light or dark.

An image of ``diagrams/*.svg`` is an ordinary picture in a repository, and a fence of
``mermaid`` is drawn there. Here both are put into the page as SVG, which sees the
variables of the theme and needs no script.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from docs._sphinx.states import drawn

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class InlineDrawings(SphinxPostTransform):
    """Replace images of drawings, and state diagrams, by SVG."""

    default_priority = 5
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Called for each page."""
        for image in list(self.document.findall(nodes.image)):
            place = str(image["uri"])
            if "diagrams/" in place and place.endswith(".svg"):
                text = Path(self.env.srcdir, place).read_text(encoding="utf-8")
                image.replace_self(_figure(text))
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") == "mermaid":
                block.replace_self(_figure(drawn(block.astext()).svg()))


def _figure(svg: str) -> nodes.raw:
    return nodes.raw("", f'<div class="qf-drawing">{svg}</div>', format="html")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_post_transform(InlineDrawings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
