"""Errors as ``application/problem+json`` (RFC 9457).

What a caller did wrong is said in the words of the error, as everywhere in the lab.
What went wrong here is logged, and the caller gets an id to ask for it by, no more.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from quantumflow_lab import errors
from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import QuantumFlowError, did_you_mean
from quantumflow_lab.service.plain import plain

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError
    from starlette.requests import Request

MEDIA = "application/problem+json"
TYPE = "urn:quantumflow-lab:problem:"
_MOST = 2000
"""Characters of a detail."""

log = logging.getLogger(__name__)


class Problem(Exception):
    """What a request cannot have, and why.

    Parameters
    ----------
    status
        Of HTTP.
    slug
        Stable identifier, for programs.
    detail
        One sentence: what is wrong and what to do instead.
    retry_after
        Seconds.
    **facts
        Further members of the answer.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        self.status = status
        self.slug = slug
        self.detail = detail
        self.facts = facts
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
        super().__init__(detail)


_STATUS: tuple[tuple[type[QuantumFlowError], int], ...] = (
    (errors.UnknownRun, 404),
    (errors.UnknownStep, 404),
    (errors.BudgetNeeded, 402),
    (errors.RunIsLive, 409),
    (errors.RunIsHeld, 409),
    (errors.NothingToResume, 409),
    (errors.InputsChanged, 409),
    (errors.ReplayDrift, 409),
    (errors.OpenJobs, 409),
    (errors.NotReady, 409),
    (errors.StepFailed, 409),
    (errors.NotExportable, 409),
    (errors.PluginBroken, 500),
    (errors.EnvironmentBroken, 500),
    (errors.BadPrices, 500),
    (errors.WorkerLost, 500),
    (errors.CellError, 422),
    (errors.PubError, 422),
    (errors.CircuitSourceError, 422),
    (errors.BackendError, 422),
    (errors.RunError, 422),
    (errors.BadQuery, 422),
    (errors.StoreLocked, 503),
    (errors.JournalFull, 503),
    (errors.HomeNotWritable, 503),
)
"""The first class that fits; everything else is a fault of the service."""


def status_of(error: QuantumFlowError) -> int:
    """Status of HTTP for an error of the lab."""
    return next((s for kind, s in _STATUS if isinstance(error, kind)), 500)


def problem_of(error: QuantumFlowError) -> Problem:
    """An error of the lab as a caller may see it."""
    status = status_of(error)
    if status >= 500:
        return internal(status, error.slug)
    facts: dict[str, Any] = {}
    if error.where is not None:
        facts["line"] = error.where.line
        facts["source"] = error.where.source.strip()[:_MOST]
    if isinstance(error, errors.BudgetNeeded) and error.quote is not None:
        quote: Any = error.quote
        facts["quote"] = plain(quote.document())
    if isinstance(run := error.facts.get("run"), str):
        facts["run"] = run
    # What limits circuits in a lab limits those of notebooks; a service has its own.
    detail = error.message.replace("QFLOW_PARSE_", "QFLOW_SERVICE_PARSE_")
    return Problem(status, error.slug, detail, **facts)


def internal(status: int = 500, slug: str = "internal") -> Problem:
    """What is said of a fault of the service."""
    if status == 503:
        text = "the service cannot keep or read records at the moment; try again later"
        return Problem(503, slug, text, retry_after=10)
    return Problem(
        status, slug, "the service failed; its log has more under this request id"
    )


def response(problem: Problem, request_id: str, path: str) -> Response:
    """A problem as it goes over the wire."""
    body = {
        "type": TYPE + problem.slug,
        "title": problem.slug.replace("-", " ").capitalize(),
        "status": problem.status,
        "detail": Secrets.of().hide_text(problem.detail)[:_MOST],
        "instance": path,
        "request_id": request_id,
        **problem.facts,
    }
    data = json.dumps(body, allow_nan=False, default=str).encode()
    return Response(data, problem.status, headers=problem.headers, media_type=MEDIA)


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem."""
    from fastapi.exceptions import RequestValidationError

    def answer(request: Request, problem: Problem) -> Response:
        request_id = str(request.scope.get("qflow.request_id", ""))
        return response(problem, request_id, request.url.path)

    async def known(request: Request, error: Problem) -> Response:
        return answer(request, error)

    async def lab(request: Request, error: QuantumFlowError) -> Response:
        problem = problem_of(error)
        if problem.status >= 500:
            log.error("the lab failed", exc_info=error)
        return answer(request, problem)

    async def http(request: Request, error: HTTPException) -> Response:
        return answer(request, _of_http(error))

    async def invalid(request: Request, error: RequestValidationError) -> Response:
        told = _of_media(request) or _of_validation(error, _fields(request))
        return answer(request, told)

    # Starlette's hint would have handlers take any Exception.
    handlers: dict[type[Exception], Any] = {
        Problem: known,
        QuantumFlowError: lab,
        HTTPException: http,
        RequestValidationError: invalid,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _of_http(error: HTTPException) -> Problem:
    slugs = {404: "no-such-path", 405: "no-such-method", 400: "bad-request"}
    slug = slugs.get(error.status_code, f"http-{error.status_code}")
    detail = {
        404: "there is nothing at this path; /api/openapi.json lists what there is",
        405: "this path has no such method; see the header Allow",
        400: "the body is no JSON",
    }.get(error.status_code, str(error.detail))
    return Problem(error.status_code, slug, detail, headers=error.headers)


def _of_media(request: Request) -> Problem | None:
    """Why a body was not even read; None if it said that it is JSON, or is none."""
    fields = request.headers
    if "transfer-encoding" not in fields and fields.get("content-length", "0") == "0":
        return None
    kind, _, rest = fields.get("content-type", "").partition(";")[0].partition("/")
    kind, rest = kind.strip().lower(), rest.strip().lower()
    if kind == "application" and (rest == "json" or rest.endswith("+json")):
        return None
    return Problem(
        415,
        "no-json",
        "a body comes as JSON: send it with Content-Type: application/json",
        headers={"Accept-Post": "application/json"},
    )


def _fields(request: Request) -> Collection[str]:
    """Names that the body of a request may have."""
    body = getattr(request.scope.get("route"), "body_field", None)
    fields = getattr(body and body.field_info.annotation, "model_fields", {})
    return tuple(fields)


def _of_validation(error: RequestValidationError, known: Collection[str]) -> Problem:
    """What does not fit, by place; never what was sent, which may be a secret.

    `known` are the names that the body may have.
    """
    faults = [
        {
            "at": ".".join(_ascii(part) for part in each["loc"]),
            "message": _ascii(_message(each, known)),
        }
        for each in error.errors()[:20]
    ]
    first = faults[0] if faults else {"at": "body", "message": "is not what it should"}
    detail = f"{first['at']}: {first['message']}"
    return Problem(422, "invalid-request", detail, faults=faults)


def _message(fault: Mapping[str, Any], known: Collection[str]) -> str:
    """What is wrong with one part of a body."""
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"]).removeprefix("Value error, ")
    at_the_top = len(fault["loc"]) == 2
    hint = did_you_mean(str(fault["loc"][-1]), known) if at_the_top else ""
    return f"there is no such field{hint}"


def _ascii(text: object) -> str:
    """Text that any encoding takes; lone surrogates come in as JSON escapes."""
    return str(text).encode("ascii", "backslashreplace").decode()[:300]
