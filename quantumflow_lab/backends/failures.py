"""What other people's code raises, as errors of ours."""

from __future__ import annotations

from quantumflow_lab.errors import (
    BackendFailed,
    BadShots,
    CircuitRefused,
    QuantumFlowError,
    TooMuchMemory,
)


def failed_with(text: str) -> Exception:
    """The error for what a backend says about a failure."""
    lowered = text.lower()
    if "insufficient memory" in lowered or "bad_alloc" in lowered:
        return TooMuchMemory(
            "the simulation did not fit in memory: take fewer qubits or another "
            f"method such as aer_mps ({text})"
        )
    if "shots" in lowered and "max" in lowered:
        return BadShots(f"the backend refused the number of shots: {text}")
    return BackendFailed(f"the backend failed: {text}")


def refused(error: Exception, backend: str) -> Exception:
    """The error for a circuit that could not be made ready."""
    if isinstance(error, QuantumFlowError):
        return error
    return CircuitRefused(
        f"{backend} cannot take the circuit: {_text(error)}",
        backend=backend,
        cause=type(error).__name__,
    )


def backend_error(error: Exception, backend: str) -> Exception:
    """The error for what ``run()`` or ``result()`` raised."""
    if isinstance(error, QuantumFlowError):
        return error
    if isinstance(error, MemoryError):
        return failed_with("insufficient memory")
    known = failed_with(_text(error))
    if type(known) is not BackendFailed:
        return known
    return BackendFailed(
        f"{backend} failed: {_text(error)}",
        backend=backend,
        cause=type(error).__name__,
        # A broken connection may hold next time; a simulator fails the same way again.
        transient=isinstance(error, OSError | TimeoutError),
    )


def _text(error: Exception) -> str:
    text = " ".join(str(error).strip("'\"").split()) or "no reason given"
    return f"{type(error).__name__}: {text}"
