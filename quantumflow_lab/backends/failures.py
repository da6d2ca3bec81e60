"""What other people's code raises, as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from quantumflow_lab.errors import (
    BackendError,
    BackendFailed,
    BadShots,
    CircuitRefused,
    JobCancelled,
    JobNeverArrived,
    JobUnanswered,
    QuantumFlowError,
    SessionClosed,
    TooMuchMemory,
    WorkerLost,
)
from quantumflow_lab.ports import Fault

_TOO_MANY_REQUESTS, _TOO_LARGE = 429, 413
_MOST_PATIENCE_S = 3600.0
"""Longest that a backend may ask to wait."""
_FILES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
_OF_THE_JOB = (JobCancelled, JobUnanswered, JobNeverArrived, WorkerLost)
"""What can only be said of a job as a whole."""
_BUSY = {408, _TOO_MANY_REQUESTS, 500, 502, 503, 504}
"""HTTP statuses after which the same request may succeed."""
_NOT_NOW = {401, 402, 403, 410, 424}
"""HTTP statuses that speak of the account or the device, whatever was sent."""
_FULL = re.compile(r"\b3458\b")
"""IBM's number for too many pending jobs, which it says with a status of its own."""
_TOO_MUCH = re.compile(r"\b5302\b")
"""IBM's number for results that are too large."""


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
        f"{backend} cannot take the circuit: {text_of(error)}",
        backend=backend,
        cause=type(error).__name__,
    )


def backend_error(error: Exception, backend: str) -> Exception:
    """The error for what ``run()`` or ``result()`` raised."""
    if isinstance(error, QuantumFlowError):
        return error
    if isinstance(error, MemoryError):
        return failed_with("insufficient memory")
    known = failed_with(text_of(error))
    if type(known) is not BackendFailed:
        return known
    return BackendFailed(
        f"{backend} failed: {text_of(error)}",
        backend=backend,
        cause=type(error).__name__,
        fault=_fault(error),
        retry_after=wait_for(error),
    )


def failed_there(error: Exception, backend: str, job: str | None) -> BackendFailed:
    """The error for a job that a provider took and that came to nothing.

    It is neither sent again nor cut, since what it used is billed, unless the provider
    says that smaller ones would do.
    """
    big = _TOO_MUCH.search(str(error)) is not None
    which = "the job" if job is None else f"job {job}"
    return BackendFailed(
        f"{backend} took {which}, which failed: {text_of(error)}",
        backend=backend,
        job=job,
        cause=type(error).__name__,
        fault=Fault.TOO_BIG if big else Fault.PERMANENT,
    )


def failed_together(error: Exception) -> Exception:
    """The error for each of several members when none is known to be the cause.

    What will never succeed as a whole may in parts, so the job is cut.
    """
    of_the_job = isinstance(error, _OF_THE_JOB)
    # A job with a name was taken, and has cost.
    of_the_job |= isinstance(error, BackendFailed) and "job" in error.facts
    if of_the_job or fault_of(error) is not Fault.PERMANENT:
        return error
    return BackendFailed(str(error), fault=Fault.TOO_BIG)


def fault_of(error: Exception) -> Fault:
    """Whether to try again, in smaller jobs, on another backend, or not at all."""
    if type(error) is BackendFailed:
        return Fault(str(error.facts.get("fault", Fault.PERMANENT)))
    if isinstance(error, SessionClosed):
        return Fault.TRANSIENT
    if isinstance(error, _OF_THE_JOB):
        # Neither to be sent again, nor elsewhere: that is for a person to decide.
        return Fault.PERMANENT
    refused = isinstance(error, BackendError | BadShots)
    return Fault.REFUSED if refused else Fault.PERMANENT


def patience_of(error: Exception) -> float | None:
    """Seconds that the backend asked to wait, if it did."""
    wait = error.facts.get("retry_after") if isinstance(error, BackendFailed) else None
    return wait if isinstance(wait, float) else None


def of_contact(error: Exception) -> bool:
    """Whether it tells of the way to a provider, not of what the job came to."""
    if isinstance(error, QuantumFlowError):
        return False
    return _is_network(error) or _status(error) is not None


def is_in_doubt(error: Exception) -> bool:
    """Whether a request may have arrived although its answer is this error."""
    status = _status(error)
    return _is_network(error) if status is None else status >= 500


def is_full(error: Exception) -> bool:
    """Whether a job was refused because too many others are pending."""
    return any(_FULL.search(str(each)) for each in _behind(error))


def may_pass(error: Exception) -> bool:
    """Whether the same question may be answered later."""
    return _is_transient(error)


def _fault(error: Exception) -> Fault:
    """Of what sort an exception of a backend or of its client library is."""
    status = _status(error)
    if status == _TOO_LARGE:
        return Fault.TOO_BIG
    if _is_transient(error):
        # In one place only: a client that tries again by itself has had its tries.
        tried = any(getattr(each, "retried", False) for each in _behind(error))
        return Fault.REFUSED if tried else Fault.TRANSIENT
    return Fault.REFUSED if status in _NOT_NOW else Fault.PERMANENT


def _is_transient(error: Exception) -> bool:
    status = _status(error)
    # A broken connection may hold next time; a missing token file will not come back,
    # and what a server says with a status is told by the status.
    busy = status in _BUSY or is_full(error)
    return _is_network(error) if status is None else busy


def _is_network(error: Exception) -> bool:
    return any(
        isinstance(each, OSError) and not isinstance(each, _FILES)
        for each in _behind(error)
    )


def _status(error: Exception) -> int | None:
    """HTTP status, where clients keep it: on the error, or on its response."""
    for each in _behind(error):
        response: Any = getattr(each, "response", None)
        holders = (each, "status_code"), (response, "status_code"), (each, "code")
        for holder, name in holders:
            status = getattr(holder, name, None)
            if isinstance(status, int) and 400 <= status < 600:
                return status
    return None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was raised from: clients wrap what they meet."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def wait_for(error: Exception) -> float | None:
    """Seconds from a ``Retry-After``; the form with a date is left to the back-off."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    wait = getattr(error, "retry_after", None)
    if wait is None and isinstance(headers, Mapping):
        wait = headers.get("Retry-After", headers.get("retry-after"))
    try:
        seconds = float(wait)  # type: ignore[arg-type]  # anything; what is none raises
    except (TypeError, ValueError):
        return None
    return min(seconds, _MOST_PATIENCE_S) if seconds >= 0 else None


def text_of(error: Exception) -> str:
    """Class and message on one line."""
    text = " ".join(str(error).split())
    # Qiskit's errors come with quotes around all of them.
    if len(text) > 1 and text[0] in "'\"" and text[1:].find(text[0]) == len(text) - 2:
        text = text[1:-1]
    return f"{type(error).__name__}: {text or 'no reason given'}"
