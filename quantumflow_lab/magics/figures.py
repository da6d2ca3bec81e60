"""Shows matplotlib figures that no pyplot made, such as those of ``%qflow chart``."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib.figure import Figure

FIGURE = "matplotlib.figure", "Figure"


class FigureFormat:
    """A PNG form of figures, where the inline backend has not given them one."""

    def __init__(self, shell: InteractiveShell):
        assert shell.display_formatter is not None, "a shell makes one for itself"
        self._formatter = shell.display_formatter.formatters["image/png"]

    def add(self) -> None:
        """Know how to draw figures, unless the shell does; this loads no matplotlib."""
        if FIGURE not in self._formatter.deferred_printers and not self._known():
            self._formatter.for_type_by_name(*FIGURE, _png)

    def remove(self) -> None:
        """Forget it again, unless another way to draw them has come since."""
        deferred, known = (
            self._formatter.deferred_printers,
            self._formatter.type_printers,
        )
        if deferred.get(FIGURE) is _png:
            del deferred[FIGURE]
        for kind in [kind for kind, printer in known.items() if printer is _png]:
            del known[kind]

    def _known(self) -> bool:
        return any(
            (kind.__module__, kind.__name__) == FIGURE
            for kind in self._formatter.type_printers
        )


def _png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", bbox_inches="tight", metadata={"Software": None})
    return out.getvalue()
