"""The application: routes, and the guards around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from quantumflow_lab.lab import Lab
from quantumflow_lab.service import logs, problems
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.guards import (
    WHO,
    BodyLimit,
    Finished,
    Observe,
    SecureHeaders,
    TimeLimit,
    TrustedHosts,
)
from quantumflow_lab.service.models import ProblemDetails
from quantumflow_lab.service.rates import Rates
from quantumflow_lab.service.routes import (
    about,
    backends,
    health,
    performance,
    quantum,
    quotes,
    runs,
    workflows,
)
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import TokenFile

OPEN = ("/api/health", "/api/health/live", "/api/health/ready")
"""Paths that ask for no token."""


def create_app(lab: Lab, settings: ServiceSettings, tokens: TokenFile) -> FastAPI:
    """The service as an ASGI application.

    Parameters
    ----------
    lab
        What does the work; it is neither closed nor left here.
    settings
        What may be asked for.
    tokens
        Who may ask.
    """
    desk = Desk(lab, settings)

    def tell(done: Finished) -> None:
        desk.meters.request(done.route, done.method, done.status, done.seconds)
        say = logs.log.error if done.error is not None else logs.log.info
        say(
            "request",
            route=done.route,
            method=done.method,
            status=done.status,
            ms=round(1000 * done.seconds, 1),
            client=done.client,
            token=done.scope.get(WHO),
            exc_info=done.error,
        )

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.close()

    app = FastAPI(
        title="QuantumFlow Lab",
        version=version("quantumflow-lab"),
        description="Hybrid quantum-classical workflows. See docs/service.md.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        middleware=_guards(settings, tell),
        separate_input_output_schemas=True,
    )
    app.state.desk = desk
    app.state.tokens = tokens
    app.state.rates = Rates()
    problems.install(app)
    parts = (health, about, workflows, runs, quotes, backends, performance, quantum)
    for router in (*(part.router for part in parts), workflows.started):
        app.include_router(router)
    _describe(app)
    return app


def _guards(settings: ServiceSettings, tell: Any) -> list[Middleware]:
    """From the outside to the inside."""
    guards = [
        Middleware(Observe, begin=logs.begin, tell=tell),
        Middleware(SecureHeaders),
        Middleware(TrustedHosts, hosts=settings.hosts),
    ]
    if settings.origins:
        guards.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(settings.origins),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                expose_headers=[
                    "Location",
                    "Retry-After",
                    "X-Request-ID",
                    "Qflow-Media",
                ],
                max_age=600,
            )
        )
    return [
        *guards,
        Middleware(TimeLimit, seconds=settings.request_seconds),
        Middleware(BodyLimit, most=settings.body_bytes),
    ]


_PROBLEMS = {
    400: "The body is no JSON.",
    401: "No token, or none that is good.",
    402: "It costs something, and no budget was given.",
    403: "The token may not.",
    404: "There is no such thing.",
    409: "It cannot be done as things stand.",
    413: "The body is too large.",
    415: "The body does not come as JSON.",
    421: "The host is not this service.",
    422: "Something in the request does not fit.",
    429: "Too often, or too many at once; wait as long as Retry-After says.",
    500: "The service failed.",
    503: "Not now.",
    504: "No answer in time.",
}


def _describe(app: FastAPI) -> None:
    """Add to the description of every operation the problems that it may answer."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = make()
            schemas = found["components"]["schemas"]
            schemas.pop("HTTPValidationError", None)
            schemas.pop("ValidationError", None)
            schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
            reference = {"$ref": "#/components/schemas/ProblemDetails"}
            for path, methods in found["paths"].items():
                for operation in methods.values():
                    _add_problems(operation["responses"], reference, path)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _add_problems(
    responses: dict[str, Any], reference: dict[str, str], path: str
) -> None:
    media = {problems.MEDIA: {"schema": reference}}
    for status, text in _PROBLEMS.items():
        if path in OPEN and status not in (421, 500, 504):
            continue
        found = responses.get(str(status))
        if found is None or "HTTPValidationError" in str(found):
            responses[str(status)] = {"description": text, "content": media}


def routes_of(app: FastAPI) -> list[APIRoute]:
    """Every route, for tests and documentation."""
    return [route for route in app.routes if isinstance(route, APIRoute)]
