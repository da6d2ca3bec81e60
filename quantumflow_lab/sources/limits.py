"""How large a circuit from elsewhere may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one source may take, and what may come of it."""

    size: int = 16 * 2**20
    """Bytes of the text or file."""
    qubits: int = 10_000
    """Qubits of one circuit."""
    clbits: int = 100_000
    """Classical bits of one circuit."""
    instructions: int = 1_000_000
    """Instructions of all circuits, gate definitions and counted loops expanded."""
    depth: int = 64
    """Brackets, blocks and gate definitions inside one another."""
    seconds: float = 20.0
    """Processor time; the clock may show three times that on a busy machine."""
    memory_mb: int = 1024
    """Memory beside what the parser itself takes, in MiB."""
