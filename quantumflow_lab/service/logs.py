"""One JSON object a line: to standard output, or to a file that is rotated."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from quantumflow_lab.cell.secrets import HIDDEN, Secrets
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import SHAPE

_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(settings: ServiceSettings) -> logging.Handler:
    """Send all logging of this process there; returns the handler, to be closed.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _handler(settings)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide_secrets,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Ours say the same, with route, token and id.
    logging.getLogger("uvicorn.access").disabled = True
    return handler


def _handler(settings: ServiceSettings) -> logging.Handler:
    if settings.log_file is None:
        return logging.StreamHandler(sys.stdout)
    return logging.handlers.RotatingFileHandler(
        settings.log_file,
        maxBytes=settings.log_bytes,
        backupCount=settings.log_files,
        encoding="utf-8",
    )


def hide_secrets(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take out what looks like a secret or stands in a secret variable."""
    secrets = Secrets.of()
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = SHAPE.sub(HIDDEN, secrets.hide_text(value))
    return event


log = structlog.stdlib.get_logger("quantumflow_lab.service")


def begin(request_id: str) -> None:
    """A request begins: nothing of another one is logged with it."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
