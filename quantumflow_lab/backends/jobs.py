"""What becomes of a job, of whatever class it is.

Seven classes of jobs were found, and they share little. A state is a string, an enum,
or nothing; who asks for the result of a cancelled job meets an error of
``concurrent.futures``, one of the provider, or waits for ever. One rule holds for all:
once a job was taken, trouble in asking for it is no reason to send it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from enum import StrEnum
from typing import Any

from quantumflow_lab.backends.failures import (
    failed_there,
    may_pass,
    of_contact,
    text_of,
    wait_for,
)
from quantumflow_lab.errors import JobCancelled, JobUnanswered
from quantumflow_lab.ports import Stopped

POLL_S = 0.5
"""Most seconds between two looks at a job; the first ones come sooner."""
PATIENCE_S = 3600.0
"""Seconds for which a job cannot be reached before it is given up."""
UNHEARD_S = 3600.0
"""Seconds for which a job may be in a state that nobody knows."""
SLOWEST_S = 30.0
"""Most seconds between two tries to reach a job."""


class State(StrEnum):
    """How far a job is, as far as it matters here."""

    OPEN = "open"
    ENDED = "ended"
    CANCELLED = "cancelled"


_DONE = ("DONE", "COMPLETED", "FINISHED", "SUCCE")
_BEGINS = {
    # IBM has "Cancelled - Ran too long", too; Braket's CANCELLING goes on.
    **dict.fromkeys(("CANCELLED", "CANCELED", "ABORTED"), State.CANCELLED),
    **dict.fromkeys(_DONE, State.ENDED),
    **dict.fromkeys(("ERROR", "FAIL", "REJECTED", "EXPIRED"), State.ENDED),
}
"""How the names of final states begin."""
_ON_THE_WAY = tuple(
    "INITIALI VALIDAT CREATED RECEIVED SUBMITTED PENDING QUEU READY WAITING DELAYED "
    "COMPIL STARTED RUNNING PROCESSING EXECUTING IN_PROGRESS CANCELLING OPEN".split()
)
"""How the names of states begin that some day end."""


def name_of(status: object) -> str:
    """The name of a state, an enum or a string, in capitals.

    Examples
    --------
    >>> from qiskit.providers import JobStatus
    >>> name_of(JobStatus.DONE), name_of("Completed")
    ('DONE', 'COMPLETED')
    """
    return str(getattr(status, "name", status)).upper()


def state_of(job: Any) -> State:
    """How far a job is, from its status or, where that is unknown, its own word."""
    return _seen(job)[0]


def _seen(job: Any) -> tuple[State, str]:
    """How far a job is, and the name of its state, in one look."""
    status = _called(getattr(job, "status", None))
    if status is None:
        return State.ENDED, ""
    name = name_of(status)
    for begin, state in _BEGINS.items():
        if name.startswith(begin):
            return state, name
    if name.startswith(_ON_THE_WAY):
        return State.OPEN, name
    ended = _called(getattr(job, "in_final_state", None))
    return State.ENDED if ended else State.OPEN, name


def id_of(job: Any) -> str | None:
    """The id its provider gave a job, or None."""
    found = _called(getattr(job, "job_id", None))
    return None if found is None else str(found)


def awaited(job: Any, backend: str, wanted: Callable[[], bool] = lambda: True) -> Any:
    """The result of a job of a provider, once its state is final.

    Not by ``result()`` alone, which waits for ever for a state that it does not know.

    Parameters
    ----------
    job
        The job.
    backend
        Name of the backend, for messages.
    wanted
        Asked between two looks.

    Raises
    ------
    JobCancelled
        It was cancelled there, by whomever.
    JobUnanswered
        It was taken, and cannot be asked about any more.
    Stopped
        Nobody waits for it.
    """
    pause, heard = 0.001, time.monotonic()
    while True:
        state, name = reached(lambda: _seen(job), id_of(job), backend, wanted)
        if state is not State.OPEN:
            break
        if name.startswith(_ON_THE_WAY):
            heard = time.monotonic()
        elif time.monotonic() - heard > UNHEARD_S:
            strange = TimeoutError(f"its state is {name.lower()}, which nobody knows")
            raise unanswered(id_of(job), backend, strange)
        rest(pause, wanted)
        # By a quarter, so that short jobs are not overslept by much.
        pause = min(1.25 * pause, POLL_S)
    if state is State.CANCELLED:
        raise _cancelled(job, backend)
    return fetched(job, backend, wanted)


def fetched(job: Any, backend: str, wanted: Callable[[], bool] = lambda: True) -> Any:
    """What ``result()`` gives, asked for again while only the way to it is broken.

    Raises
    ------
    JobCancelled, JobUnanswered, Stopped
        As :func:`awaited`.
    Exception
        What the job failed with.
    """
    try:
        return reached(job.result, id_of(job), backend, wanted)
    except CancelledError:
        raise _cancelled(job, backend) from None


def reached(
    question: Callable[[], Any],
    job: str | None,
    backend: str,
    wanted: Callable[[], bool],
) -> Any:
    """An answer of the provider about a job, over a connection that may break.

    Raises
    ------
    JobUnanswered, Stopped
        As :func:`awaited`.
    """
    pause, since = POLL_S, time.monotonic()
    before: Exception | None = None
    while True:
        try:
            return question()
        except Exception as error:
            # A future raises one and the same error again: it is the job's own.
            if error is before or not of_contact(error):
                raise
            late = time.monotonic() - since > PATIENCE_S
            if late or not may_pass(error):
                raise unanswered(job, backend, error) from error
            before, wait = error, wait_for(error)
        rest(pause if wait is None else wait, wanted)
        pause = min(2 * pause, SLOWEST_S)


def nothing_came(job: Any, error: Exception, backend: str) -> Exception:
    """The error for a job that a device has taken, and that gave this and no result.

    One that is done there may have been paid, though it cannot be read here.
    """
    if _seen(job)[1].startswith(_DONE):
        return unanswered(id_of(job), backend, error)
    return failed_there(error, backend, id_of(job))


def stop_unwanted(job: Any, wanted: Callable[[], bool]) -> None:
    """Cancel a job that was given up on its way, when nobody could stop it yet.

    Raises
    ------
    Stopped
        If it was.
    """
    if not wanted():
        job.cancel()
        raise Stopped


def rest(seconds: float, wanted: Callable[[], bool]) -> None:
    """Sleep, unless nobody waits any more."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not wanted():
            raise Stopped
        time.sleep(min(left, POLL_S))


def _called(found: Any) -> Any:
    return found() if callable(found) else found


def _cancelled(job: Any, backend: str) -> JobCancelled:
    state = name_of(_called(getattr(job, "status", None)))
    too_long = "; send fewer circuits or raise max_execution_time"
    return JobCancelled(
        f"{_the(id_of(job))} was cancelled on {backend} ({state.lower()}) and has no "
        f"result{too_long if 'LONG' in state else ''}",
        backend=backend,
        job=id_of(job),
    )


def unanswered(job: str | None, backend: str, error: Exception) -> JobUnanswered:
    """The error for a job that may have run, and of which nobody can tell."""
    return JobUnanswered(
        f"{backend} has taken {_the(job)}, but cannot be asked about it "
        f"({text_of(error)}): look there before you run the step again",
        backend=backend,
        job=job,
    )


def _the(job: str | None) -> str:
    return "the job" if job is None else f"job {job}"
