"""Requests to a service: HTTP of the standard library, with a token, not redirected."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from quantumflow_lab import codec
from quantumflow_lab.errors import NoService, ServiceError, Where
from quantumflow_lab.remote.address import Address
from quantumflow_lab.remote.problems import problem_error
from quantumflow_lab.remote.secret import Secret

SECONDS = 60.0
"""Until an answer has to come; the service gives up on one by then."""
SILENCE_S = 40.0
"""Without a word on a stream, whose service says something every 15 s."""
_WAITS = 8
"""How often a request that comes too often waits as long as it is told to."""
_LONGEST_WAIT_S = 30.0


class Lost(NoService):
    """The service could not be reached, or the line broke: trying again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said."""

    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises
        ------
        NoService
            If it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NoService(
                "no lab answers there, but something else; look at the address"
            ) from error

    def value(self) -> Any:
        """The body as the codec reads it."""
        return codec.decode(self.headers.get("Qflow-Media", ""), self.body)


class _Stay(HTTPRedirectHandler):
    """A token goes to the address that a person typed, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Connection:
    """A service and the token for it; may be used by any thread.

    Parameters
    ----------
    address
        Where it is.
    token
        What it asks for.
    context
        How TLS is checked; by default certificates are verified against those that
        the system trusts.
    """

    def __init__(
        self, address: Address, token: Secret, context: ssl.SSLContext | None = None
    ) -> None:
        self.url = address.url
        self._token = token
        handlers: list[Any] = [
            HTTPSHandler(context=context or ssl.create_default_context()),
            _Stay(),
        ]
        if address.local:
            # Or a proxy of the environment would get the token.
            handlers.append(ProxyHandler({}))
        self._opener: OpenerDirector = build_opener(*handlers)

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def get(self, *path: str, **query: Any) -> Answer:
        """Read something; tried again where the service says when.

        Raises
        ------
        Lost
            If it cannot be reached.
        QuantumFlowError
            What the service answers with.
        """
        for _ in range(_WAITS):
            try:
                return self._ask(self._request("GET", path, query), SECONDS)
            except ServiceError as error:
                wait = error.facts.get("retry_after")
                if not isinstance(wait, float) or wait > _LONGEST_WAIT_S:
                    raise
                time.sleep(wait)
        return self._ask(self._request("GET", path, query), SECONDS)

    def post(
        self,
        *path: str,
        body: Any,
        key: str | None = None,
        where: Where | None = None,
        seconds: float = SECONDS,
    ) -> Answer:
        """Have something done.

        Parameters
        ----------
        *path
            Parts of the path.
        body
            For JSON.
        key
            Makes asking twice the same as asking once.
        where
            The cell that is sent, for errors.
        seconds
            Until the answer has to come.

        Raises
        ------
        Lost
            If it cannot be reached; then it may have been done.
        QuantumFlowError
            What the service answers with.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        data = json.dumps(body, allow_nan=False).encode()
        request = self._request("POST", path, {}, headers, data)
        return self._ask(request, seconds, where)

    def stream(self, *path: str, last: str | None = None) -> Iterator[bytes]:
        """Pieces of an endless answer, as they come.

        Parameters
        ----------
        *path
            Parts of the path.
        last
            The last event that was seen.

        Raises
        ------
        Lost
            If the line breaks, or nothing comes for a while.
        """
        headers = {"Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = last
        request = self._request("GET", path, {}, headers)
        with closing(self._open(request, SILENCE_S, None)) as said:
            while True:
                try:
                    piece = said.read1(1 << 16)  # type: ignore[attr-defined]  # of HTTPResponse
                except (OSError, HTTPException) as error:
                    raise self._lost(error) from error
                if not piece:
                    return
                yield piece

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Request:
        asked = {name: value for name, value in query.items() if value is not None}
        where = "/".join(quote(part, safe="") for part in ("api", *path))
        url = f"{self.url}/{where}" + (f"?{urlencode(asked)}" if asked else "")
        # Of the schemes http and https, which Address takes alone.
        request = Request(url, data, dict(headers or {}), method=method)  # noqa: S310
        if data is not None:
            request.add_header("Content-Type", "application/json")
        request.add_unredirected_header("Authorization", f"Bearer {self._token.text}")
        return request

    def _ask(
        self, request: Request, seconds: float, where: Where | None = None
    ) -> Answer:
        with closing(self._open(request, seconds, where)) as said:
            try:
                return Answer(said.status, said.headers, said.read())  # type: ignore[attr-defined]  # as above
            except (OSError, HTTPException) as error:
                raise self._lost(error) from error

    def _open(self, request: Request, seconds: float, where: Where | None) -> IO[bytes]:
        try:
            found: IO[bytes] = self._opener.open(request, timeout=seconds)
        except HTTPError as error:
            with error:
                raise self._refused(error, where) from None
        except (URLError, OSError, HTTPException) as error:
            raise self._lost(error) from error
        return found

    def _refused(self, error: HTTPError, where: Where | None) -> Exception:
        if 300 <= error.code < 400:
            to = error.headers.get("Location", "elsewhere")
            return NoService(
                f"{self.url} sends on to {to}, and a token goes nowhere by itself; "
                "type the address that it ends at"
            )
        try:
            body = error.read()
        except (OSError, HTTPException) as broken:
            return self._lost(broken)
        if error.code in (502, 503, 504) and "json" not in error.headers.get(
            "Content-Type", ""
        ):
            return Lost(f"{self.url} does not answer: its proxy says {error.code}")
        found = problem_error(
            error.code, error.headers.get("Content-Type", ""), body, where=where
        )
        after = error.headers.get("Retry-After", "")
        if after.isdecimal():
            found.facts["retry_after"] = float(after)
        return found

    def _lost(self, error: Exception) -> NoService:
        why = error.reason if isinstance(error, URLError) else error
        if isinstance(why, ssl.SSLCertVerificationError):
            return NoService(
                f"the certificate of {self.url} is not trusted: {why.verify_message}; "
                "have its authority in the system's, or in SSL_CERT_FILE"
            )
        said = getattr(why, "strerror", None) or str(why) or type(why).__name__
        return Lost(
            f"{self.url} does not answer: {said}; is qflow serve running there?"
        )
