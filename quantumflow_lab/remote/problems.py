"""Errors of a service as those of this package: by the slug at the end of ``type``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from quantumflow_lab.errors import (
    BudgetNeeded,
    CellError,
    NoService,
    QuantumFlowError,
    ServiceError,
    StepFailed,
    TokenRefused,
    Where,
)
from quantumflow_lab.remote.quote import RemoteQuote

MEDIA = "application/problem+json"
TYPE = "urn:quantumflow-lab:problem:"
_TOKEN = {
    "no-token": "the service does not know this token, or it has expired; ask its "
    "operator for another one",
    "too-many-failures": None,
}


def _tree(kind: type[QuantumFlowError]) -> Iterator[type[QuantumFlowError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _tree(each)


BY_SLUG = {each.slug: each for each in _tree(QuantumFlowError)}
BY_NAME = {each.__name__: each for each in _tree(QuantumFlowError)}


def problem_error(
    status: int, media: str, body: bytes, *, where: Where | None = None
) -> QuantumFlowError:
    """The error that an answer stands for.

    Parameters
    ----------
    status
        Of HTTP, 400 or above.
    media
        The answer's ``Content-Type``.
    body
        The answer.
    where
        The cell that was sent: its file, and the line of its magic line.
    """
    found = _document(media, body)
    if found is None:
        return NoService(
            f"no lab answers there, but something that says status {status}; look at "
            "the address"
        )
    slug = str(found.get("type", "")).removeprefix(TYPE)
    detail = str(found.get("detail", "")) or f"status {status}"
    facts = {key: found[key] for key in ("run", "request_id") if key in found}
    if slug in ("no-scope", "no-code", "no-token", "too-many-failures"):
        return TokenRefused(_TOKEN.get(slug) or detail, **facts)
    if status >= 500 and slug not in BY_SLUG:
        return ServiceError(
            f"{detail}: {found.get('request_id', '?')}", status=status, slug=slug
        )
    if slug == "body-too-large" or status == 413:
        return ServiceError(
            f"{detail}; read large data in a step, where the service is, or ask its "
            "operator for a higher QFLOW_SERVICE_BODY_BYTES",
            status=status,
        )
    kind = BY_SLUG.get(slug)
    if kind is None:
        return ServiceError(detail, status=status, slug=slug, **facts)
    error = kind(detail, where=_line(kind, found, where), **facts)
    if isinstance(error, BudgetNeeded) and isinstance(found.get("quote"), Mapping):
        error.quote = RemoteQuote(found["quote"])
    return error


def _document(media: str, body: bytes) -> dict[str, Any] | None:
    if media.partition(";")[0].strip() != MEDIA:
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _line(
    kind: type[QuantumFlowError], found: Mapping[str, Any], where: Where | None
) -> Where | None:
    """The place in the notebook's cell; the service counts from its magic line."""
    line, source = found.get("line"), found.get("source")
    if where is None or not issubclass(kind, CellError):
        return None
    if not isinstance(line, int) or not isinstance(source, str):
        return None
    return Where(where.file, where.line + line - 1, source)


def step_error(said: Mapping[str, str], step: str, trace: str | None) -> Exception:
    """Why a step failed over there: our own class where there is one."""
    name, message = said["type"], said["message"]
    kind = BY_NAME.get(name)
    if kind is not None:
        return kind(message, step=step)
    text = f"step '{step}' failed on the service: {name}: {message}"
    return StepFailed(f"{text}\n\n{trace}" if trace else text, step=step)


def run_error(said: Mapping[str, str]) -> Exception:
    """What broke a run over there."""
    return BY_NAME.get(said["type"], QuantumFlowError)(said["message"])
