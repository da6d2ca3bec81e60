"""As much of IBM's service on loopback as its unmodified client asks for.

Jobs of the sampler are read with the client's own decoder and run on Aer.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from qiskit.primitives import BackendSamplerV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

DEVICE = FakeManilaV2()
NAME = "emulated"
INSTANCE = (
    f"crn:v1:bluemix:public:quantum-computing:us-east:a/{'a' * 32}"
    ":00000000-0000-0000-0000-000000000000::"
)


def _file(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(DEVICE.dirname) / name).read_text())
    return found


def _token() -> str:
    """A token that the client can decode; nobody checks its signature."""
    now = int(time.time())
    claims = {"iat": now, "exp": now + 3600, "iam_id": "x", "account": {"bss": "a"}}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return ".".join(each.decode().rstrip("=") for each in encoded) + ".AAAA"


@dataclass
class Trouble:
    """What goes wrong once."""

    method: str
    path: str
    """How the path ends, without the query."""
    status: int | None
    """What is answered; None breaks the connection."""
    late: bool = False
    """True if the request is taken before."""


class Service(ThreadingHTTPServer):
    """The service, and the jobs that it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.jobs: dict[str, dict[str, Any]] = {}
        """What was posted, by the id that was given."""
        self.status = "Completed"
        """State of every job."""
        self.trouble: list[Trouble] = []
        """What goes wrong with the next requests, each once, in order."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _troubled(self, *, late: bool = False) -> bool:
        """Whether something went wrong with this request."""
        path = self.path.partition("?")[0]
        for trouble in self.server.trouble:
            fits = trouble.method == self.command and path.endswith(trouble.path)
            if fits and trouble.late == late:
                self.server.trouble.remove(trouble)
                if trouble.status is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                else:
                    self.send_error(trouble.status)
                return True
        return False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._troubled():
            return
        if self.path.endswith("/identity/token"):
            expiration = int(time.time()) + 3600
            self._answer({"access_token": _token(), "expiration": expiration})
        elif self.path.endswith("/jobs"):
            name = uuid.uuid4().hex[:20]
            self.server.jobs[name] = json.loads(body, cls=RuntimeDecoder)
            if self._troubled(late=True):
                return
            self._answer({"id": name, "backend": NAME})
        else:
            self.send_error(404)

    def do_GET(self) -> None:
        if self._troubled():
            return
        path, _, query = self.path.partition("?")
        *_, before, last = path.split("/")
        known = {
            "backends": {"devices": [{"name": NAME, "status": {"name": "online"}}]},
            "configuration": {
                **_file(DEVICE.conf_filename),
                "backend_name": NAME,
                "simulator": False,
            },
            "properties": _file(DEVICE.props_filename),
            "status": {"state": True, "status": "active", "length_queue": 0},
            "usage": {"usage_limit_reached": False, "usage_remaining_seconds": 600},
        }
        if last in known:
            self._answer(known[last])
        elif last == "results":
            self._answer(self._results(self.server.jobs[before]["params"]["pubs"]))
        elif last == "jobs":
            tags = set(parse_qs(query).get("tags", ()))
            found = [n for n, j in self.server.jobs.items() if tags <= set(j["tags"])]
            self._answer({"jobs": list(map(self._job, found)), "count": len(found)})
        elif last in self.server.jobs:
            self._answer(self._job(last))
        else:
            self.send_error(404)

    def _job(self, name: str) -> dict[str, Any]:
        status = self.server.status
        return {
            "id": name,
            "status": status,
            "state": {"status": status},
            "backend": NAME,
            "program": {"id": "sampler"},
            "created": "2026-01-01T00:00:00Z",
            "tags": self.server.jobs[name]["tags"],
        }

    def _results(self, pubs: list[Any]) -> Any:
        sampler = BackendSamplerV2(backend=AerSimulator.from_backend(DEVICE))
        return sampler.run([tuple(pub) for pub in pubs]).result()

    def _answer(self, content: Any) -> None:
        data = json.dumps(content, cls=RuntimeEncoder).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def service() -> Iterator[Service]:
    """A running service."""
    found = Service()
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.shutdown()
        found.server_close()
        thread.join()
