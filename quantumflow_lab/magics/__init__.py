"""The notebook's face: ``%%qflow``, ``%qflow``, completion, and what they put in place.

Magics parse, call the lab and display. What loading replaces, unloading restores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab.magics.extension import Extension

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "unload"]

_loaded: dict[int, Extension] = {}
"""The extension of each shell, by the shell's identity."""


def load(shell: InteractiveShell) -> None:
    """Put everything in place; a second time, nothing happens."""
    if id(shell) not in _loaded:
        extension = Extension(shell)
        extension.put_in_place()
        _loaded[id(shell)] = extension


def unload(shell: InteractiveShell) -> None:
    """Restore what loading replaced; runs go on."""
    if extension := _loaded.pop(id(shell), None):
        extension.take_away()
