"""Who asks, whether they may, and how often: what routes depend on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from quantumflow_lab.service.desk import Asker, Desk
from quantumflow_lab.service.guards import ID, WHO
from quantumflow_lab.service.problems import Problem
from quantumflow_lab.service.rates import Rates
from quantumflow_lab.service.tokens import Token, TokenFile

Rate = Literal["reads", "submits"]

bearer = HTTPBearer(auto_error=False, description="A token of `qflow token create`.")
"""For the description of the API; the header is read below."""


Bearer = Annotated[object, Depends(bearer)]


def desk_of(request: Request) -> Desk:
    """The desk of the application."""
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]


def token_of(request: Request) -> Token:
    """The token of a request.

    Raises
    ------
    Problem
        401 without one that is good, 429 after too many that were not.
    """
    desk, tokens, rates = _parts(request)
    address = request.client.host if request.client else "?"
    most, now = desk.settings.failures_per_minute, time.monotonic()
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = tokens.find(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        # Whoever has a good one is not kept out by others at the same address.
        wait = rates.wait(("failures", address), most, now=now) if text else 0.0
        if wait:
            desk.meters.refused("rate")
            raise Problem(
                429,
                "too-many-failures",
                "too many wrong tokens came from your address",
                retry_after=wait,
            )
        desk.meters.refused("token")
        raise Problem(
            401,
            "no-token",
            "send Authorization: Bearer <token>, with a token of qflow token create "
            "that has not expired",
            headers={"WWW-Authenticate": 'Bearer realm="qflow"'},
        )
    request.scope[WHO] = token.name
    return token


def allowed(scope: str, rate: Rate) -> Callable[..., Asker]:
    """A dependency: who asks has this scope, and does not ask too often."""

    def check(
        request: Request, token: Annotated[Token, Depends(token_of)], _: Bearer
    ) -> Asker:
        desk, tokens, rates = _parts(request)
        require(desk, token, scope)
        settings = desk.settings
        most = (
            settings.reads_per_minute
            if rate == "reads"
            else settings.submits_per_minute
        )
        route = getattr(request.scope.get("route"), "path", "")
        key = token.id, request.method, route
        if wait := rates.wait(key, most, now=time.monotonic()):
            desk.meters.refused("rate")
            raise Problem(
                429,
                "too-many-requests",
                f"at most {most:,} requests a minute to this route; wait as long as "
                "Retry-After says",
                retry_after=wait,
            )
        return Asker(token, request.scope[ID], partial(tokens.is_good, token))

    return check


def require(desk: Desk, token: Token, scope: str) -> None:
    """Refuse a token without a scope.

    Raises
    ------
    Problem
        403, with what the token lacks.
    """
    if scope not in token.scopes:
        desk.meters.refused("scope")
        raise Problem(
            403,
            "no-scope",
            f"token '{token.name}' lacks the scope '{scope}'; make one by qflow token "
            f"create NAME --scope {scope}",
            headers={"WWW-Authenticate": f'Bearer scope="{scope}"'},
        )


def require_code(desk: Desk, token: Token) -> None:
    """Refuse Python unless the service takes it, and the token may send it.

    Raises
    ------
    Problem
        403, with what is lacking.
    """
    if not desk.settings.allow_code:
        desk.meters.refused("scope")
        raise Problem(
            403,
            "no-code",
            "this service takes declared workflows, not Python; its operator may start "
            "it with --allow-code",
        )
    require(desk, token, "code")


Reader = Annotated[Asker, Depends(allowed("read", "reads"))]
Submitter = Annotated[Asker, Depends(allowed("run", "submits"))]
Measurer = Annotated[Asker, Depends(allowed("metrics", "reads"))]


def _parts(request: Request) -> tuple[Desk, TokenFile, Rates]:
    state = request.app.state
    return state.desk, state.tokens, state.rates
