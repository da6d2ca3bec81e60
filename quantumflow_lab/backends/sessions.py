"""Sessions and batches of IBM's devices, by what its client shows of them.

One process opens them and closes them; any other attaches its jobs by their id.
"""

from __future__ import annotations

import re
import time
from typing import Any

from quantumflow_lab.backends.failures import text_of
from quantumflow_lab.errors import SessionClosed
from quantumflow_lab.ports import Mode

LOOKS_S = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each look for what a session is billed, until it is final."""
CLOSES_S = (0.0, 1.0, 3.0)
"""Seconds before each try to close one."""
_SHUT = re.compile(r"\b(1217|1602)\b|session is closed")
"""IBM's numbers for a session that takes no more jobs, and the client's own words."""


def open_session(device: Any, mode: Mode, most_s: int | None) -> str:
    """Open a session or batch on a device.

    Parameters
    ----------
    most_s
        Seconds after which IBM closes it; None for IBM's own limit.

    Returns
    -------
    str
        The id that IBM gave it.
    """
    opened = _kind(mode)(device, max_time=most_s)
    name = opened.session_id
    if name is None:
        raise ValueError(f"{device.name} has given no id for a {mode}")
    return str(name)


def attached(device: Any, mode: Mode, name: str) -> Any:
    """A session or batch that was opened elsewhere, to send jobs in it."""
    fractional = bool(getattr(device.options, "use_fractional_gates", False))
    return _kind(mode).from_id(name, device.service, use_fractional_gates=fractional)


def close_session(device: Any, mode: Mode, name: str) -> None:
    """Let it take no more jobs; those that it has taken come to their end.

    One that its service does not know any more is closed. It is billed until then, so
    that a service which does not answer is asked again.
    """
    for pause in CLOSES_S:
        time.sleep(pause)
        try:
            attached(device, mode, name).close()
        except Exception as error:
            if is_gone(error):
                return
            if pause == CLOSES_S[-1]:
                raise
        else:
            return


def session_seconds(device: Any, mode: Mode, name: str) -> float | None:
    """Seconds for which a session is billed, once that is final.

    None if IBM does not tell within some seconds.
    """
    session = attached(device, mode, name)
    for pause in LOOKS_S:
        time.sleep(pause)
        details = session.details() or {}
        seconds = details.get("usage_time")
        if details.get("state") == "closed" and isinstance(seconds, int | float):
            return float(seconds)
    return None


def is_shut(error: BaseException) -> bool:
    """Whether a job was refused because its session takes no more."""
    return _SHUT.search(str(error)) is not None


def is_gone(error: BaseException) -> bool:
    """Whether there is no session of an id any more."""
    return is_shut(error) or "Session not found" in str(error)


def shut(
    error: Exception, backend: str, mode: Mode, name: str, job: str | None = None
) -> SessionClosed:
    """The error for a job that a closed session refused, or took and never ran."""
    closed = SessionClosed(
        f"the {mode} {name} on {backend} was closed at its provider "
        f"({text_of(error)})",
        backend=backend,
        session=name,
    )
    if job is not None:
        closed.facts["job"] = job
    return closed


def _kind(mode: Mode) -> Any:
    # Not above: who has no device of IBM need not have its client.
    from qiskit_ibm_runtime import Batch, Session

    return Batch if mode == "batch" else Session
