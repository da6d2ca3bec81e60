"""What ``%load_ext quantumflow_lab`` puts into a shell, and how it is taken away."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, cast

from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.lab import lab
from quantumflow_lab.magics.completion import Completion
from quantumflow_lab.magics.config import QFlow
from quantumflow_lab.magics.figures import FigureFormat
from quantumflow_lab.magics.outputs import DisplayTap
from quantumflow_lab.magics.top_level import TopLevel
from quantumflow_lab.magics.words import QFlowMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Configurable

NAME = QFlowMagics.__name__


class Extension:
    """The parts of the extension in one shell."""

    def __init__(self, shell: InteractiveShell):
        self._shell = shell
        self._config = QFlow(parent=shell)
        self._configurables = cast("list[Configurable]", shell.configurables)
        self._magics = QFlowMagics(shell, self._config)
        self._top_level = TopLevel(shell, NAME)
        self._completion = Completion(shell)
        self._tap = DisplayTap(shell)
        self._figures = FigureFormat(shell)

    def put_in_place(self) -> None:
        """Register everything, and start a worker in the background."""
        shell = self._shell
        self._configurables.append(self._config)
        shell.register_magics(self._magics)
        shell.input_transformers_cleanup.append(self._top_level)
        self._completion.add()
        self._tap.open()
        self._figures.add()
        Thread(target=_warm, name="qflow-warm", daemon=True).start()

    def take_away(self) -> None:
        """Leave the shell as it was."""
        shell = self._shell
        self._figures.remove()
        self._tap.close()
        self._completion.remove()
        with suppress(ValueError):
            shell.input_transformers_cleanup.remove(self._top_level)
        # A Magics object enters itself here when it is made.
        for configurable in (self._config, self._magics):
            with suppress(ValueError):
                self._configurables.remove(configurable)
        manager = shell.magics_manager
        manager.registry.pop(NAME, None)
        for kind in ("line", "cell"):
            manager.magics[kind].pop("qflow", None)


def _warm() -> None:
    # What is wrong with the home is told when something is run in it.
    with suppress(QuantumFlowError):
        lab().warm()
