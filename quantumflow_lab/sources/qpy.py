"""QPY: read by Qiskit, but never what Qiskit would unpickle."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

from qiskit import qpy
from qiskit.qpy.common import QPY_VERSION

from quantumflow_lab.delays import with_units
from quantumflow_lab.errors import BadCircuitData

_HEADER = struct.Struct("!6sBBBBQ")
_SYMENGINE = (10, 11, 12)
"""Versions whose header may ask for symengine, whose format holds pickles."""


def read_qpy(data: bytes) -> list[Any]:
    """The circuits of a file.

    Raises
    ------
    BadCircuitData
        If it is damaged, of a newer version, or would be unpickled.
    """
    _check_header(data)
    with warnings.catch_warnings():
        # A newer Qiskit wrote it in a version that this one reads.
        warnings.simplefilter("ignore")
        try:
            circuits: list[Any] = qpy.load(io.BytesIO(data))
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            raise BadCircuitData(
                f"the QPY is damaged, or Qiskit cannot rebuild it: {_said(error)};"
                " write it again with qiskit.qpy.dump",
            ) from error
    return circuits


def _check_header(data: bytes) -> None:
    if len(data) < _HEADER.size:
        raise BadCircuitData("the QPY ends within its header; copy the file again")
    _, version, *_ = _HEADER.unpack_from(data)
    if version > QPY_VERSION:
        raise BadCircuitData(
            f"QPY version {version} is newer than {QPY_VERSION}, the newest that this"
            " Qiskit reads; pip install -U qiskit, or write it with"
            f" qpy.dump(..., version={QPY_VERSION})",
            version=version,
        )
    if version == 0:
        raise BadCircuitData("there is no QPY version 0; copy the file again")
    if version in _SYMENGINE and data[_HEADER.size : _HEADER.size + 1] == b"e":
        raise BadCircuitData(
            f"this QPY of version {version} keeps its expressions with symengine, which"
            " may hold code; write it with qpy.dump(..., use_symengine=False)",
            version=version,
        )


def write_qpy(circuits: list[Any]) -> bytes:
    """Circuits as QPY of this Qiskit's version, which reads back by `from_units`.

    Raises
    ------
    BadCircuitData
        If it would not: a damaged file may give circuits that Qiskit reads but once.
    """
    out = io.BytesIO()
    try:
        qpy.dump([with_units(circuit) for circuit in circuits], out)
        qpy.load(io.BytesIO(out.getvalue()))
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        raise BadCircuitData(
            f"the circuit cannot be written as QPY again: {_said(error)}; copy the file"
            " again, or build the circuit in Qiskit"
        ) from error
    return out.getvalue()


def _said(error: Exception) -> str:
    text = str(getattr(error, "message", None) or error).strip("'\"")
    return (text.splitlines() or [type(error).__name__])[0][:200].rstrip(": ")
