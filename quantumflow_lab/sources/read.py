"""Bytes of a source to circuits, within limits."""

from __future__ import annotations

from typing import Any

from quantumflow_lab.errors import BadCircuitText, CircuitSourceError, CircuitTooLarge
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.sources.qasm2 import read_qasm2
from quantumflow_lab.sources.qasm3 import read_qasm3
from quantumflow_lab.sources.qpy import read_qpy
from quantumflow_lab.sources.size import check_size
from quantumflow_lab.sources.text import Text, check_text, decoded


def read(data: bytes, form: str, file: str, limits: Limits) -> list[Any]:
    """The circuits of a source.

    Parameters
    ----------
    data
        Its content.
    form
        One of ``sources.formats.FORMATS``.
    file
        What to call it in messages.
    limits
        What it may be and take.

    Raises
    ------
    CircuitSourceError
        If it does not parse or is beyond the limits.
    """
    try:
        circuits = _parsed(data, form, file, limits)
        check_size(circuits, limits, by_name=form != "qpy")
    except RecursionError as error:
        raise CircuitTooLarge(
            f"{file} is nested too deeply to be read; write it flatter", what="depth"
        ) from error
    except MemoryError as error:
        raise out_of_memory(file, limits) from error
    return circuits


def out_of_memory(file: str, limits: Limits) -> CircuitTooLarge:
    """The error for a source that takes more memory than it may."""
    return CircuitTooLarge(
        f"reading {file} takes more than {limits.memory_mb} MiB; if you trust it, raise"
        " QFLOW_PARSE_MEMORY_MB",
        what="memory",
        limit=limits.memory_mb,
    )


def _parsed(data: bytes, form: str, file: str, limits: Limits) -> list[Any]:
    if form == "qpy":
        return read_qpy(data)
    text = Text(decoded(data, file), file)
    if not text.code.strip():
        raise BadCircuitText(f"{file} has no code; begin with 'OPENQASM 3.0;'")
    check_text(text, form, limits)
    try:
        return [read_qasm2(text) if form == "qasm2" else read_qasm3(text, limits)]
    except (CircuitSourceError, MemoryError, RecursionError):
        raise
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BadCircuitText(f"{file} does not parse: {said}") from error
