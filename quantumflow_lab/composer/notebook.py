"""The notebook around a composer: its names, its cells, and its thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from quantumflow_lab.cell.declare import Axis
from quantumflow_lab.cell.inputs import looks_secret, summary
from quantumflow_lab.composer.document import Surroundings
from quantumflow_lab.composer.ops import Names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

CODE = (ModuleType, type, FunctionType, BuiltinFunctionType)


class Notebook:
    """What a composer asks of the place where it stands.

    Outside of IPython it has no names and no cells; all else works alike.
    """

    def __init__(self) -> None:
        self._shell = _shell()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    @property
    def live(self) -> bool:
        """Whether what is posted later is still shown."""
        return self._loop is not None

    @property
    def names(self) -> MutableMapping[str, Any]:
        """The names of the notebook."""
        return {} if self._shell is None else self._shell.user_ns

    def around(self, backends: Sequence[str]) -> Surroundings:
        """What the reader of cells goes by."""
        if self._shell is None:
            return Surroundings(backends=backends)
        names = dict(self.names)
        axes = {name: len(v) for name, v in names.items() if isinstance(v, Axis)}
        code = {name for name, value in names.items() if isinstance(value, CODE)}
        return Surroundings(frozenset(names), axes, backends, self._summary, code)

    def edit_names(self) -> Names:
        """What edits go by."""
        return Names(frozenset(self.names), frozenset(self.circuits()))

    def circuits(self) -> dict[str, Any]:
        """The circuits among its variables, by name."""
        if "qiskit" not in sys.modules:
            return {}
        from qiskit import QuantumCircuit

        return {
            name: value
            for name, value in dict(self.names).items()
            if isinstance(value, QuantumCircuit) and not name.startswith("_")
        }

    def put(self, text: str) -> bool:
        """Put a cell below the one that runs; False if none does."""
        if self._shell is None or not _executes(self._shell):
            return False
        self._shell.set_next_input(text)
        return True

    def post(self, act: Callable[[], None]) -> None:
        """Do something on the notebook's own thread, from any thread.

        Without an event loop it is done at once.
        """
        if self._loop is None:
            act()
            return
        # The loop of a kernel that shuts down is closed already.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act)

    def origin(self, text: str, home: Any, project: str | None) -> Mapping[str, Any]:
        """What to record of a run that starts here."""
        from quantumflow_lab.magics.notebook import notebook_of

        line = text.strip().partition("\n")[0].removeprefix("%%qflow").strip()
        return {
            "line": line,
            "notebook": notebook_of(self.names, home),
            "project": project,
        }

    def _summary(self, name: str) -> str | None:
        value = self.names.get(name)
        if value is None or looks_secret(name, value):
            return None
        return summary(value)


def _shell() -> InteractiveShell | None:
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


def _executes(shell: InteractiveShell) -> bool:
    """Whether a cell runs, so that what is put below it goes with its answer."""
    if not hasattr(shell, "get_parent"):
        return True
    header = shell.get_parent().get("header", {})
    return bool(header.get("msg_type") == "execute_request")
