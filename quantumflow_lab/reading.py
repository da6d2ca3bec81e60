"""Circuits from text and files: ``qf.read_circuit``.

What is read may come from anybody, so this process does not parse it. It finds out the
format and hands the bytes to a child that can do nothing else; what comes back is QPY.
"""

from __future__ import annotations

import atexit
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from quantumflow_lab.errors import (
    CircuitTooLarge,
    NoCircuitFile,
    SeveralCircuits,
    UnknownCircuitFormat,
    did_you_mean,
)
from quantumflow_lab.settings import Settings
from quantumflow_lab.sources.formats import check_format, format_of
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.workers.parser import CircuitParser

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Source = str | bytes | os.PathLike[str]

_SUFFIXES = (".qasm", ".qasm2", ".qasm3", ".qpy", ".inc")

_parser = CircuitParser()
atexit.register(_parser.close)


def read_circuit(
    source: Source,
    *,
    format: str | None = None,  # noqa: A002 - the word people type
) -> QuantumCircuit:
    """Read one circuit from OpenQASM 2, OpenQASM 3 or QPY.

    Parameters
    ----------
    source
        A path, or the content itself: text with more than one line or with a ``;``, or
        bytes.
    format
        ``"qasm2"``, ``"qasm3"`` or ``"qpy"``; by default the content tells.

    Raises
    ------
    CircuitSourceError
        If there is no such file, it does not parse, holds several circuits, includes
        another file, or is beyond the limits ``QFLOW_PARSE_...``.

    Examples
    --------
    >>> pair = read_circuit('''
    ... OPENQASM 3.0;
    ... include "stdgates.inc";
    ... qubit[2] q;
    ... h q[0];
    ... cx q[0], q[1];
    ... ''')
    >>> pair.num_qubits, dict(pair.count_ops())
    (2, {'h': 1, 'cx': 1})
    """
    circuits = read_circuits(source, format=format)
    if len(circuits) != 1:
        names = ", ".join(repr(each.name) for each in circuits[:4])
        raise SeveralCircuits(
            f"{_called(source)} holds {len(circuits)} circuits"
            f"{f' ({names})' if names else ''}; read them all with"
            " qf.read_circuits(...)",
            count=len(circuits),
        )
    return circuits[0]


def read_circuits(
    source: Source,
    *,
    format: str | None = None,  # noqa: A002 - as above
) -> list[QuantumCircuit]:
    """Read all circuits of a source; only QPY can have more than one.

    Parameters and errors are those of :func:`read_circuit`.

    Examples
    --------
    >>> [each.num_qubits for each in read_circuits("OPENQASM 2.0; qreg q[3];")]
    [3]
    """
    from qiskit import qpy

    from quantumflow_lab.delays import from_units

    if format is not None:
        check_format(format)
    limits = _limits(Settings())
    name = _called(source)
    data = _content(source, limits)
    form = format or format_of(data, name)
    answer = _parser.read(data, form, name, limits)
    # The child wrote it from circuits it had counted, in the version of this Qiskit.
    circuits: list[QuantumCircuit] = [
        from_units(circuit) for circuit in qpy.load(io.BytesIO(answer))
    ]
    if form != "qpy" and _is_path(source):
        for circuit in circuits:
            circuit.name = Path(os.fspath(source)).stem  # type: ignore[arg-type]
    return circuits


def _limits(settings: Settings) -> Limits:
    return Limits(
        size=settings.parse_bytes,
        qubits=settings.parse_qubits,
        clbits=settings.parse_clbits,
        instructions=settings.parse_instructions,
        seconds=settings.parse_seconds,
        memory_mb=settings.parse_memory_mb,
    )


def _is_path(source: Source) -> bool:
    if isinstance(source, str):
        return bool(source) and not (";" in source or "\n" in source)
    return isinstance(source, os.PathLike)


def _called(source: Source) -> str:
    """What messages call it: the name of the file, or what it is."""
    if isinstance(source, bytes | bytearray):
        return "the data"
    return Path(source).name if _is_path(source) else "the text"


def _content(source: Source, limits: Limits) -> bytes:
    if isinstance(source, bytes | bytearray):
        data = bytes(source)
    elif isinstance(source, str) and not _is_path(source):
        data = source.encode("utf-8", "surrogatepass")
    elif isinstance(source, str | os.PathLike):
        data = _read_file(Path(source).expanduser(), limits)
    else:
        raise UnknownCircuitFormat(
            f"a {type(source).__name__} is no source of a circuit; give a path, text or"
            " bytes"
        )
    if len(data) > limits.size:
        raise CircuitTooLarge(
            f"{_called(source)} has more than {limits.size} bytes; if you trust it,"
            " raise QFLOW_PARSE_BYTES",
            what="bytes",
            limit=limits.size,
        )
    return data


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        # A device or pipe has no end, or blocks before its first byte.
        if path.exists() and not path.is_file():
            raise NoCircuitFile(f"{path} is no file; name a file", path=str(path))
        with path.open("rb") as file:
            return file.read(limits.size + 1)
    except FileNotFoundError as error:
        near = _nearby(path)
        raise NoCircuitFile(
            f"there is no file {str(path)!r} in {Path.cwd()}{near}", path=str(path)
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoCircuitFile(
            f"{str(path)!r} does not open: {reason}", path=str(path)
        ) from error


def _nearby(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return ""
    names = [each.name for each in folder.iterdir() if each.suffix in _SUFFIXES]
    return did_you_mean(path.name, names)
