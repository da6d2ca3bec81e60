"""Makes the ``%%qflow`` cell of a notebook asynchronous.

Only then do Cancel, Interrupt and widgets act while it runs. A cell that is not the
whole request (below ``%%time`` or ``%%capture``, in ``run_cell``, in a terminal) stays
an ordinary, blocking cell magic, because what stands around it cannot await.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab.cell.text import MAGIC, misplaced_magic

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class TopLevel:
    """An input transformer: the lines of a cell in, the lines to run out."""

    has_side_effects = True
    """IPython skips it when it only asks whether the input is complete."""

    def __init__(self, shell: InteractiveShell, magics: str):
        self._shell = shell
        self._magics = magics

    def __call__(self, lines: list[str]) -> list[str]:
        """Rewrite a cell to ``await`` its run, if something can await here.

        Raises
        ------
        MagicLineError
            For a cell whose ``%%qflow`` is hidden below a comment.
        """
        text = "".join(lines)
        if error := misplaced_magic(text, file=self._label()):
            raise error
        if not is_cell(lines) or not self._awaits(text):
            return lines
        line, body = lines[0].strip().removeprefix(MAGIC).strip(), "".join(lines[1:])
        registry = "get_ipython().magics_manager.registry"
        return [f"await {registry}[{self._magics!r}].attend({line!r}, {body!r})\n"]

    def _awaits(self, text: str) -> bool:
        """Whether `text` is all of the request that a kernel runs just now."""
        if not self._shell.autoawait or not hasattr(self._shell, "get_parent"):
            return False
        request = self._shell.get_parent().get("content", {}).get("code", "")
        return bool(request.split() == text.split())

    def _label(self) -> str:
        return f"Cell In[{self._shell.execution_count}]"


def is_cell(lines: list[str]) -> bool:
    """Whether a cell is ``%%qflow`` with a body, and not a question about the magic."""
    first = lines[0].split() if lines else []
    return first[:1] == [MAGIC]
