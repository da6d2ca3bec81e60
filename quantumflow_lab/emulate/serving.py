"""What the emulated services have in common: jobs, faults and the way to answer."""

from __future__ import annotations

import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from quantumflow_lab.emulate.faults import Habits, Named, Trouble


@dataclass
class Taken:
    """A job that a service has taken."""

    posted: dict[str, Any]
    """What was sent, decoded."""
    taken: float = field(default_factory=time.monotonic)
    """When, in seconds of a clock that never goes back."""
    ended: str | None = None
    """A state that was settled early: failed or cancelled."""
    result: Any = None
    """What it came to, once somebody asked."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is executed, which happens once."""


class Service(ThreadingHTTPServer):
    """A service on loopback, and what goes wrong with it."""

    daemon_threads = True

    def __init__(
        self, handler: type[Handler], port: int, faults: Iterable[Named]
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.trouble: list[Trouble] = []
        """What goes wrong with the next requests, in order."""
        self.habits: list[Habits] = []
        """How jobs are treated; the first that says something is heard."""
        self.sizes: list[int] = []
        """Bytes of each submit."""
        self.guard = threading.Lock()
        """Held while jobs are counted and taken, and troubles used up."""
        for fault in faults:
            self.add(fault)

    def add(self, fault: Named) -> None:
        """Let one more thing go wrong."""
        self.trouble += fault.made()
        self.habits.append(fault.habits)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def habit(self, name: str) -> Any:
        """The first of the habits that is one, or None."""
        found = (getattr(each, name) for each in self.habits)
        return next((each for each in found if each), None)

    def state_of(self, job: Taken, queued: str, done: str) -> str:
        """State of a job, in the words of the service."""
        if job.ended is not None:
            return job.ended
        always: str | None = self.habit("status")
        if always is not None:
            return always
        waits = time.monotonic() - job.taken < (self.habit("queue") or 0.0)
        return queued if waits else done

    def is_too_large(self, body: bytes) -> bool:
        """Whether a request has more bytes than the service takes."""
        largest = self.habit("largest")
        return largest is not None and len(body) > largest


class Handler(BaseHTTPRequestHandler, ABC):
    """Answers requests, unless something goes wrong with them."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    @abstractmethod
    def refuse(self, status: int, code: int | str, retry_after: int | None) -> None:
        """Answer with an error, in the form of the service."""

    @abstractmethod
    def get(self) -> None:
        """Answer a GET."""

    @abstractmethod
    def post(self, body: bytes) -> None:
        """Answer a POST."""

    def put(self) -> None:
        """Answer a PUT, which not every service knows."""
        self.send_error(501)

    def patch(self, body: bytes) -> None:
        """Answer a PATCH, which not every service knows."""
        self.send_error(501)

    def delete(self) -> None:
        """Answer a DELETE, which not every service knows."""
        self.send_error(501)

    def do_PATCH(self) -> None:
        """Go wrong, or answer."""
        body = self._body()
        if not self.troubled():
            self.patch(body)

    def do_DELETE(self) -> None:
        """Go wrong, or answer."""
        if not self.troubled():
            self.delete()

    def do_GET(self) -> None:
        """Go wrong, or answer."""
        if not self.troubled():
            self.get()

    def do_POST(self) -> None:
        """Go wrong, or answer."""
        body = self._body()
        if not self.troubled():
            self.post(body)

    def do_PUT(self) -> None:
        """Go wrong, or answer."""
        self._body()
        if not self.troubled():
            self.put()

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def troubled(self, *, late: bool = False) -> bool:
        """Whether something went wrong with this request."""
        path = self.path.partition("?")[0]
        server: Any = self.server
        with server.guard:
            for trouble in server.trouble:
                if trouble.meets(self.command, path, late=late):
                    trouble.times -= 1
                    break
            else:
                return False
        if trouble.status is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            code = trouble.code or trouble.status
            self.refuse(trouble.status, code, trouble.retry_after)
        return True

    def send(
        self,
        data: bytes,
        status: int,
        headers: Mapping[str, str],
        retry_after: int | None = None,
    ) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(data)


S = TypeVar("S", bound=Service)


@contextmanager
def running(found: S) -> Iterator[S]:
    """A service that answers until the block ends."""
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.shutdown()
        found.server_close()
        thread.join()
