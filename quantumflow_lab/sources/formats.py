"""Which format a source is in, by its content."""

from __future__ import annotations

import re

from quantumflow_lab.errors import UnknownCircuitFormat, did_you_mean

FORMATS = ("qasm2", "qasm3", "qpy")
"""Names for ``format=``."""

_QPY = b"QISKIT"
_BLANK = rb"(?:\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*"
_HEADER = re.compile(_BLANK + rb"OPENQASM\s+(\d{1,9})", re.DOTALL)
_START = re.compile(_BLANK, re.DOTALL)
_BOM = b"\xef\xbb\xbf"


def format_of(data: bytes, name: str) -> str:
    """The format, told from the first bytes that are no comment.

    Parameters
    ----------
    data
        The content.
    name
        What to call it in a message.

    Raises
    ------
    UnknownCircuitFormat
        If it begins like none of them.

    Examples
    --------
    >>> format_of(b"// a pair\\nOPENQASM 2.0;", "text")
    'qasm2'
    >>> format_of(b"QISKIT\\x12", "text")
    'qpy'
    """
    if data.startswith(_QPY):
        return "qpy"
    header = _HEADER.match(data.removeprefix(_BOM))
    if header is None:
        raise UnknownCircuitFormat(
            f"{name} is neither OpenQASM nor QPY: {_begins(data)};"
            " begin text with 'OPENQASM 3.0;' or 'OPENQASM 2.0;', or say"
            " format='qasm3', 'qasm2' or 'qpy'",
            name=name,
        )
    version = int(header[1])
    if version not in (2, 3):
        raise UnknownCircuitFormat(
            f"{name} is OpenQASM {version}, which nothing here reads;"
            " write it as OpenQASM 3.0",
            name=name,
            version=version,
        )
    return f"qasm{version}"


def check_format(name: str) -> str:
    """The name itself, if it is one of the formats.

    Raises
    ------
    UnknownCircuitFormat
        Otherwise.
    """
    if name not in FORMATS:
        hint = did_you_mean(name, FORMATS)
        raise UnknownCircuitFormat(f"there is no format {name!r}{hint}", format=name)
    return name


def _begins(data: bytes) -> str:
    start = _START.match(data)
    rest = data[start.end() if start else 0 :][:24]
    if not rest:
        return "it is empty"
    return f"it begins with {rest.decode('utf-8', 'replace').splitlines()[0]!r}"
