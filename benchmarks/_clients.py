"""What one client of the service does: a file for locust, see ``benchmarks.load``.

A person, or a script, who has a workflow: looks how the last run stands, turns over its
results, looks at lists, and now and then runs it again, with other angles. Between two
requests it thinks for half a second to two and a half.
"""

from __future__ import annotations

import json
import os
import random
import time
from itertools import count
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task

TOKENS = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text(encoding="utf-8"))
"""One for each client."""
SOURCE = (
    'OPENQASM 3.0; include "stdgates.inc"; input float theta; qubit[2] q; bit[2] c; '
    "ry(theta) q[0]; cx q[0], q[1]; c = measure q;"
)
POINTS = 10

_numbers = count()
_seen: list[tuple[str, float, int]] = []
_runs: dict[str, str] = {}


def declared(dice: random.Random) -> dict[str, Any]:
    """A sweep of a circuit over angles that nobody has had before."""
    angles = [dice.uniform(0, 3) for _ in range(POINTS)]
    return {
        "circuits": {"turned": {"format": "qasm3", "source": SOURCE}},
        "axes": {"theta": {"values": angles, "unit": "rad"}},
        "steps": [
            {
                "name": "counts",
                "kind": "sample",
                "circuit": "turned",
                "parameters": {"theta": {"axis": "theta"}},
                "shots": 100,
            }
        ],
    }


def _note(
    name: str, response_time: float, exception: object, response: Any, **_: object
) -> None:
    """Keep what each request took; a status of 0 is no answer at all."""
    status = 0 if response is None else int(response.status_code)
    _seen.append((name, response_time, status))


def _write(**_: object) -> None:
    told = {"requests": _seen, "runs": _runs}
    Path(os.environ["BENCH_SEEN"]).write_text(json.dumps(told), encoding="utf-8")


heard: Any = events  # which has no types
heard.request.add_listener(_note)
heard.quitting.add_listener(_write)


class Client(FastHttpUser):
    """Has a token of its own, as everybody should, and a workflow of its own."""

    wait_time = between(0.5, 2.5)
    network_timeout = 60.0
    connection_timeout = 10.0

    def on_start(self) -> None:
        """Begin with a workflow and a first run of it."""
        self.number = next(_numbers)
        self.dice = random.Random(self.number)
        token = TOKENS[self.number % len(TOKENS)]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.workflow = self.run_id = ""
        self.create()
        self.execute()

    def _get(self, name: str, path: str) -> Any:
        answer = self.client.get(path, name=f"read {name}", headers=self.headers)
        return answer.json() if answer.status_code == 200 else None

    def _post(self, name: str, path: str, body: Any) -> Any:
        answer = self.client.post(
            path, name=f"submit {name}", json=body, headers=self.headers
        )
        return answer.json() if answer.status_code in (200, 201, 202) else None

    @task(24)
    def status(self) -> None:
        """How the last run stands."""
        self._get("status", f"/api/runs/{self.run_id}")

    @task(14)
    def runs(self) -> None:
        """The newest runs."""
        self._get("runs", "/api/runs")

    @task(3)
    def own_runs(self) -> None:
        """Those of this client, page by page."""
        path = f"/api/runs?name=client{self.number}&limit=2"
        page = self._get("runs of a name", path)
        if page and page["next"]:
            self._get("runs, next page", f"{path}&cursor={page['next']}")

    @task(14)
    def results(self) -> None:
        """A page of values of the last run."""
        self._get("results", f"/api/runs/{self.run_id}/results/counts?limit=5")

    @task(8)
    def performance(self) -> None:
        """What the last run took."""
        self._get("performance", f"/api/performance/{self.run_id}")

    @task(6)
    def workflows(self) -> None:
        """The newest workflows."""
        self._get("workflows", "/api/workflows")

    @task(8)
    def health(self) -> None:
        """Whether the service is ready, as a balancer asks."""
        self._get("ready", "/api/health/ready")

    @task(3)
    def backends(self) -> None:
        """What may be used."""
        self._get("backends", "/api/backends")

    @task(4)
    def create(self) -> None:
        """Keep the workflow with other angles."""
        new = {"name": f"client{self.number}", "declared": declared(self.dice)}
        made = self._post("create", "/api/workflows", new)
        self.workflow = made["id"] if made else self.workflow

    @task(8)
    def execute(self) -> None:
        """Run it."""
        path = f"/api/workflows/{self.workflow}/execute"
        told = self._post("execute", path, {"if_running": "beside"})
        if told:
            self.run_id = told["id"]
            _runs[self.run_id] = self.headers["Authorization"]

    @task(4)
    def quote(self) -> None:
        """What it would take."""
        new = {"declared": declared(self.dice)}
        self._post("quote", "/api/quotes", new)

    @task(3)
    def follow(self) -> None:
        """Run it, and hear of it until it has ended."""
        self.execute()
        began = time.monotonic()
        answer = self.client.get(
            f"/api/runs/{self.run_id}/events", name="stream", headers=self.headers
        )
        if answer.status_code == 200 and "event: end" not in (answer.text or ""):
            took = 1e3 * (time.monotonic() - began)
            _seen.append(("stream cut", took, 0))
