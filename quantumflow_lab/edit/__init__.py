"""Edits of a cell that change the touched lines and nothing else.

Each takes a :class:`Source`, the whole text of a cell, and gives the new text. What
comes out was read again: an edit that would leave a cell that cannot be read is refused
with the reader's own message.
"""

from __future__ import annotations

from quantumflow_lab.edit.assign import assign
from quantumflow_lab.edit.magic import magic_option, set_magic, set_title
from quantumflow_lab.edit.rename import rename
from quantumflow_lab.edit.source import Change, Source
from quantumflow_lab.edit.steps import (
    Body,
    add_step,
    connect,
    disconnect,
    free_name,
    remove_step,
    set_body,
    set_code,
    set_option,
)

__all__ = [
    "Body",
    "Change",
    "Source",
    "add_step",
    "assign",
    "connect",
    "disconnect",
    "free_name",
    "magic_option",
    "remove_step",
    "rename",
    "set_body",
    "set_code",
    "set_magic",
    "set_option",
    "set_title",
]
