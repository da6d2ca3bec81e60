"""Asks the lab off the server's event loop, and imports it on the first question."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantumflow_lab.sidebar import Sidebar

Question = Callable[["Sidebar"], dict[str, Any]]


class Reading:
    """The one reader of a server.

    Parameters
    ----------
    root
        Folder that the server shows.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sidebar: Sidebar | None = None
        self._lock = threading.Lock()

    async def ask(self, question: Question) -> tuple[int, dict[str, Any]]:
        """The status and the answer to a question, asked in another thread."""
        return await asyncio.to_thread(self._ask, question)

    def _ask(self, question: Question) -> tuple[int, dict[str, Any]]:
        # Seconds the first time: who never looks at the sidebar never waits for Qiskit.
        from quantumflow_lab.errors import QuantumFlowError, UnknownRun

        try:
            return 200, question(self._made())
        except UnknownRun as error:
            return 404, {"message": error.message}
        except QuantumFlowError as error:
            return 409, {"message": error.message}

    def _made(self) -> Sidebar:
        from quantumflow_lab.sidebar import Sidebar

        with self._lock:
            if self._sidebar is None:
                self._sidebar = Sidebar(self._root)
            return self._sidebar
