"""The one call that puts something below a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Publish = Callable[..., None]
"""Takes what :meth:`IPython.core.displaypub.DisplayPublisher.publish` takes."""


def publisher(shell: InteractiveShell) -> Publish:
    """What a shell publishes with at the time, since ``%%capture`` swaps it."""
    return lambda *args, **kwargs: shell.display_pub.publish(*args, **kwargs)


def show(
    publish: Publish,
    data: Mapping[str, Any],
    *,
    display_id: str | None = None,
    update: bool = False,
) -> None:
    """Show a MIME bundle, or put it in the place of the one with that `display_id`."""
    transient = {} if display_id is None else {"display_id": display_id}
    publish(dict(data), {}, transient=transient, update=update)
