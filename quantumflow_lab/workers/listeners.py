"""How events reach whoever submitted a job."""

from __future__ import annotations

import logging
from collections.abc import Callable

from quantumflow_lab.ports import (
    Fault,
    JobEvent,
    JobMetrics,
    JobRequest,
    MemberFailed,
    Settled,
)

OnEvent = Callable[[JobEvent], None]

_log = logging.getLogger(__name__)


def tell(on_event: OnEvent, event: JobEvent) -> None:
    """Pass an event on; a listener that raises is logged and hears the next one."""
    try:
        on_event(event)
    except Exception:  # noqa: BLE001 - foreign code; logged
        _log.exception("a listener failed at %s", type(event).__name__)


def refuse(request: JobRequest, on_event: OnEvent, error: Exception) -> None:
    """Answer a whole job with one permanent error."""
    for member in request.members:
        tell(
            on_event,
            MemberFailed(
                request.job, member.unit, member.attempt, error, Fault.PERMANENT
            ),
        )
    tell(on_event, Settled(request.job, JobMetrics()))
