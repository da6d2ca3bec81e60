"""What Sphinx has to know of our docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FIELDS = {"attribute", "data", "property"}
TYPE = ":type: "
AFTER_NAPOLEON = 600


def restore_colons(
    _app: Sphinx, what: str, _name: str, _of: object, _options: object, lines: list[str]
) -> None:
    """Give a field the words back that Napoleon took for its type.

    It takes ``Names that the cell reads: each …`` for a type and a description. Our
    types are annotations, so what is before the colon is text.
    """
    if what not in FIELDS:
        return
    for line in [each for each in lines if each.startswith(TYPE)]:
        lines.remove(line)
        lines[0] = f"{line.removeprefix(TYPE)}: {lines[0]}"


def tell_slug(
    _app: Sphinx, what: str, _name: str, of: object, _options: object, lines: list[str]
) -> None:
    """Put the slug of an error below its words, instead of an entry of its own."""
    if what == "exception" and "slug" in vars(of):
        lines += ["", f"Slug: ``{vars(of)['slug']}``", ""]


def skip_slug(
    _app: Sphinx, what: str, name: str, _of: object, _skip: bool, _options: object
) -> bool | None:
    """Leave out the attribute that :func:`tell_slug` has told of; else no opinion."""
    return True if what == "exception" and name == "slug" else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", restore_colons, priority=AFTER_NAPOLEON)
    app.connect("autodoc-process-docstring", tell_slug, priority=AFTER_NAPOLEON)
    app.connect("autodoc-skip-member", skip_slug)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
