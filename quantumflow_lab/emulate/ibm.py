"""As much of IBM's service on loopback as its unmodified client asks for.

Jobs of its samplers and estimators, of either kind, are read with the client's own
decoders and run on Aer. What stands here follows the requests that the client makes,
not a server.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from quantumflow_lab.emulate import serving
from quantumflow_lab.emulate.executor import SCHEMA, executions, run_program
from quantumflow_lab.emulate.faults import FAULTS
from quantumflow_lab.emulate.sessions import Session

NAME = "emulated"
"""What the device is called."""
INSTANCE = (
    f"crn:v1:bluemix:public:quantum-computing:us-east:a/{'a' * 32}"
    ":00000000-0000-0000-0000-000000000000::"
)
"""Name of an instance, as the client wants to see one."""
JOB_S, SHOT_S = 2.0, 0.00035
"""Seconds of use for a job and for each execution, by IBM's rule of thumb."""
ALLOWANCE_S = 600.0
"""Seconds of use in a month."""
LONGEST_S = 3 * 3600.0
"""Seconds of use that a job may take where it says nothing."""
_FINAL = ("Completed", "Failed", "Cancelled")
_RAN = (1305, 5302)
"""Numbers of reasons why a job failed after it had run."""


@dataclass
class Job(serving.Taken):
    """A job that the service has taken."""

    code: int | None = None
    """IBM's number of the reason why it failed."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was taken."""
    looks: int = 0
    """How often somebody has asked what it used since it was final."""

    @property
    def usage(self) -> float:
        """Seconds that it is billed for, by the rule of thumb."""
        params = self.posted["params"]
        if self.posted["program_id"] == "executor":
            shots = executions(params)
        else:
            shots = sum(map(_shots, params["pubs"]))
        idle = self.ended is not None and self.code not in _RAN
        return 0.0 if idle else min(JOB_S + SHOT_S * shots, self.longest)

    @property
    def longest(self) -> float:
        """Seconds of use after which it is stopped: its ``max_execution_time``."""
        return float(self.posted.get("cost") or LONGEST_S)

    @property
    def runs_too_long(self) -> bool:
        """Whether it is stopped before it is done."""
        return self.ended is None and self.usage >= self.longest


def _shots(pub: list[Any]) -> int:
    """Executions of a PUB; the precision of an estimator is turned into shots."""
    last = pub[-1]
    if len(pub) == 4:
        return 4096 if last is None else round(1 / float(last) ** 2)
    return 4096 if len(pub) < 3 or last is None else int(last)


def _parts(posted: dict[str, Any]) -> int:
    """PUBs of a job, or items of its program."""
    params = posted["params"]
    if posted["program_id"] == "executor":
        return len(params["quantum_program"]["items"])
    return len(params["pubs"])


def _token() -> str:
    """A token that the client can decode; nobody checks its signature."""
    now = int(time.time())
    claims = {"iat": now, "exp": now + 3600, "iam_id": "x", "account": {"bss": "a"}}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return ".".join(each.decode().rstrip("=") for each in encoded) + ".AAAA"


class Service(serving.Service):
    """The service, and the jobs that it was sent."""

    def __init__(self, port: int = 0, faults: Iterable[str] = ()) -> None:
        super().__init__(_Handler, port, [FAULTS[name] for name in faults])
        self.device = FakeManilaV2()
        """What jobs are run on, with its noise."""
        self.taken: dict[str, Job] = {}
        """Jobs that arrived, by the id that was given."""
        self.sessions: dict[str, Session] = {}
        """Sessions and batches, by the id that was given."""
        self.calibrated = "2026-01-01T00:00:00Z"
        """Date of the calibration."""
        self.refused: list[int] = []
        """Numbers of the errors with which jobs were refused by a habit."""

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """What was posted, by the id that was given."""
        return {name: job.posted for name, job in self.taken.items()}

    def status_of(self, job: Job) -> str:
        """State of a job, in the words of the service."""
        return self.state_of(job, "Queued", "Completed")

    def take(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Take a job, or say why not: a status and the answer."""
        if self.is_too_large(body):
            return 413, _error(413, "the request is too large")
        posted = json.loads(body, cls=RuntimeDecoder)
        schema = posted["params"].get("schema_version", SCHEMA)
        if posted["program_id"] == "executor" and schema != SCHEMA:
            return 400, _error(400, f"programs are read in {SCHEMA}, not in {schema}")
        with self.guard:
            pending = self.habit("pending")
            still = [self.status_of(job) not in _FINAL for job in self.taken.values()]
            if pending is not None and sum(still) >= pending:
                return 400, _error(3458, "the limit of pending jobs is reached")
            if (code := self._refusal(posted.get("session_id"))) is not None:
                status = 404 if code == 404 else 400
                return status, _error(code, "the session takes no such job")
            job = Job({"tags": [], **posted})
            if job.runs_too_long:
                job.ended, job.code = "Failed", 1305
            if self.habit("fails"):
                job.ended, job.code = "Failed", self.habit("fails")
            most = self.habit("results")
            if most is not None and _parts(posted) > most:
                job.ended, job.code = "Failed", 5302
            if self.habit("recalibrates") and not self.taken:
                job.ended, job.code = "Failed", 1517
                self.calibrated = "2026-01-01T01:00:00Z"
            name = uuid.uuid4().hex[:20]
            self.taken[name] = job
            if (session := self.sessions.get(posted.get("session_id"))) is not None:
                session.jobs.append(job)
        return 200, {"id": name, "backend": NAME}

    def _refusal(self, session: str | None) -> int | None:
        """The number with which a session refuses a job; None if it takes one."""
        if session is None:
            return None
        found = self.sessions.get(session)
        return 404 if found is None else found.refusal

    def tells_of(self, name: str) -> dict[str, Any]:
        """What it tells of a session; it is active until its jobs are final."""
        inside = [j for j in self.taken.values() if j.posted.get("session_id") == name]
        busy = any(self.status_of(job) not in _FINAL for job in inside)
        return self.sessions[name].document(name, busy=busy)

    def metrics_of(self, job: Job) -> dict[str, Any]:
        """What a job used and when, in the time that the device would have taken."""
        final = self.status_of(job) in _FINAL or self.habit("status") is not None
        job.looks += final
        if not final or job.looks <= (self.habit("late") or 0):
            usage: dict[str, Any] = {"status": "pending", "quantum_seconds": 0}
        else:
            names = "quantum_seconds", "seconds", "qpu_charge_time_seconds"
            usage = {"status": "final", **dict.fromkeys(names, job.usage)}
        running = job.created + timedelta(seconds=self.habit("queue") or 0.0)
        times = {"created": job.created}
        if final and job.usage:
            finished = running + timedelta(seconds=job.usage)
            times |= {"running": running, "finished": finished}
        told = {name: _written(moment) for name, moment in times.items()}
        return {"usage": usage, "timestamps": told}

    def run(self, job: Job) -> Any:
        """Execute a job, once."""
        with job.lock:
            if job.result is None and job.posted["program_id"] == "executor":
                job.result = run_program(job.posted["params"], self.device)
            elif job.result is None:
                pubs = [tuple(pub) for pub in job.posted["params"]["pubs"]]
                simulator = AerSimulator.from_backend(self.device)
                kind: Any = BackendSamplerV2
                if job.posted["program_id"] == "estimator":
                    kind = BackendEstimatorV2
                job.result = kind(backend=simulator).run(pubs).result()
            return job.result

    def file(self, name: str) -> dict[str, Any]:
        """A file of the device."""
        text = (Path(self.device.dirname) / name).read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(code: int | str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


class _Handler(serving.Handler):
    server: Service

    def refuse(self, status: int, code: int | str, retry_after: int | None) -> None:
        """Answer with an error."""
        content = _error(code, f"emulated trouble {code}")
        self._answer(content, status, retry_after)

    def post(self, body: bytes) -> None:
        """Take a job, cancel one, or give a token."""
        *_, before, last = self.path.split("/")
        if self.path.endswith("/identity/token"):
            expiration = int(time.time()) + 3600
            self._answer({"access_token": _token(), "expiration": expiration})
        elif last == "jobs":
            self.server.sizes.append(len(body))
            status, answer = self.server.take(body)
            if status != 200:
                self.server.refused.append(answer["errors"][0]["code"])
            if status != 200 or not self.troubled(late=True):
                self._answer(answer, status)
        elif last == "sessions":
            name = uuid.uuid4().hex[:20]
            self.server.sessions[name] = Session(json.loads(body))
            self._answer(self.server.tells_of(name))
        elif last == "cancel" and before in self.server.taken:
            job = self.server.taken[before]
            if self.server.status_of(job) in _FINAL:
                self._answer(_error(1400, "the job is final"), 409)
            else:
                job.ended = "Cancelled"
                self._answer(None, 204)
        else:
            self._answer(_error(404, "no such route"), 404)

    def patch(self, body: bytes) -> None:
        """Close a session: its jobs go on, and it takes no more."""
        session = self.server.sessions.get(self.path.split("/")[-1])
        if session is None:
            self._answer(_error(404, "there is no such session"), 404)
        else:
            if json.loads(body).get("accepting_jobs") is False:
                session.close()
            self._answer(None, 204)

    def delete(self) -> None:
        """Cancel a session, and its jobs that are not final."""
        *_, name, last = self.path.split("/")
        session = self.server.sessions.get(name)
        if session is None or last != "close":
            self._answer(_error(404, "there is no such session"), 404)
            return
        session.close()
        for job in self.server.taken.values():
            mine = job.posted.get("session_id") == name
            if mine and self.server.status_of(job) not in _FINAL:
                job.ended = "Cancelled"
        self._answer(None, 204)

    def get(self) -> None:
        """Tell of jobs, devices and usage."""
        path, _, query = self.path.partition("?")
        *_, before, last = path.split("/")
        service = self.server
        device = service.device
        if last == "jobs":
            self._answer(self._listed(parse_qs(query)))
        elif before == "sessions" and last in service.sessions:
            self._answer(service.tells_of(last))
        elif last in service.taken:
            self._answer(self._job(last))
        elif before in service.taken:
            self._of_job(service.taken[before], last)
        elif last == "backends":
            devices = [{"name": NAME, "status": {"name": "online"}}]
            self._answer({"devices": devices})
        elif last == "configuration":
            named = {"backend_name": NAME, "simulator": False}
            self._answer({**service.file(device.conf_filename), **named})
        elif last == "properties":
            dated = {"last_update_date": service.calibrated}
            self._answer({**service.file(device.props_filename), **dated})
        elif last == "status":
            self._answer({"state": True, "status": "active", "length_queue": 0})
        elif last == "usage":
            used = sum(job.usage for job in service.taken.values())
            left = max(ALLOWANCE_S - used, 0.0)
            self._answer(
                {
                    "usage_limit_reached": left == 0.0,
                    "usage_consumed_seconds": used,
                    "usage_remaining_seconds": left,
                    "usage_limit_seconds": ALLOWANCE_S,
                }
            )
        else:
            self._answer(_error(404, "nothing here"), 404)

    def _of_job(self, job: Job, what: str) -> None:
        if what == "results" and self.server.status_of(job) == "Completed":
            self._answer(self.server.run(job))
        elif what == "results" and job.ended == "Failed":
            # Where the client looks for what went wrong.
            self._answer(f"emulated trouble {job.code}")
        elif what == "metrics":
            self._answer(self.server.metrics_of(job))
        else:
            self._answer(_error(404, f"the job has no {what}"), 404)

    def _listed(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        tags = set(asked.get("tags", ()))
        found = [n for n, j in self.server.jobs.items() if tags <= set(j["tags"])]
        skip = int(asked.get("offset", ["0"])[0])
        end = skip + int(asked.get("limit", ["200"])[0])
        # The newest first, as the client expects them.
        page = found[::-1][skip:end]
        return {"jobs": list(map(self._job, page)), "count": len(found)}

    def _job(self, name: str) -> dict[str, Any]:
        job = self.server.taken[name]
        state: dict[str, Any] = {"status": self.server.status_of(job)}
        if job.code is not None:
            state["reason_code"] = job.code
            state["reason"] = f"emulated trouble {job.code}"
        return {
            "id": name,
            "status": state["status"],
            "state": state,
            "backend": NAME,
            "program": {"id": job.posted["program_id"]},
            "created": _written(job.created),
            "tags": job.posted["tags"],
            "usage": {"seconds": job.usage},
            "estimated_running_time_seconds": job.usage,
        }

    def _answer(
        self, content: Any, status: int = 200, retry_after: int | None = None
    ) -> None:
        data = (
            b"" if status == 204 else json.dumps(content, cls=RuntimeEncoder).encode()
        )
        self.send(data, status, {"Content-Type": "application/json"}, retry_after)


def lines(url: str) -> str:
    """What a person types to use a service with IBM's client."""
    return f"""\
import os
os.environ["IAM_URL"] = "{url}"
os.environ["QISKIT_FUNCTIONS_EXPERIMENTAL"] = "1"
from qiskit_ibm_runtime import QiskitRuntimeService
account = QiskitRuntimeService(
    channel="ibm_quantum_platform",
    token="{'t' * 40}",
    url="{url}",
    instance="{INSTANCE}",
    url_resolver=lambda *_, **__: "{url}/api/v1",
)
device = account.backend("{NAME}")"""


def service(
    port: int = 0, faults: Iterable[str] = ()
) -> AbstractContextManager[Service]:
    """A running service.

    Parameters
    ----------
    port
        Where it listens on loopback; 0 for any free port.
    faults
        Names from :data:`quantumflow_lab.emulate.faults.FAULTS`.
    """
    return serving.running(Service(port, faults))
