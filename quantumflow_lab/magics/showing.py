"""The one call that puts something below a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def show(
    shell: InteractiveShell,
    data: Mapping[str, Any],
    *,
    display_id: str | None = None,
    update: bool = False,
) -> None:
    """Show a MIME bundle, or put it in the place of the one with that `display_id`."""
    transient = {} if display_id is None else {"display_id": display_id}
    shell.display_pub.publish(dict(data), {}, transient=transient, update=update)
