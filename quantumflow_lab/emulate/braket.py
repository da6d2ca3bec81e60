"""As much of Amazon Braket on loopback as its unmodified SDK asks for.

Programs in OpenQASM 3 and sets of them run on Aer; results are left where the SDK looks
for them, in S3. What stands here follows the requests that the client makes, not a
server.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from quantumflow_lab.emulate import serving
from quantumflow_lab.emulate.braket_devices import DEVICES, Device
from quantumflow_lab.emulate.braket_prices import price_list
from quantumflow_lab.emulate.braket_programs import Program, Refused, read_program
from quantumflow_lab.emulate.faults import BRAKET_FAULTS

NAME = DEVICES[0].name
"""What the device is called."""
BUCKET = "amazon-braket-emulated"
"""Where results are left."""
PRICES = "prices.csv"
"""Where the list of prices is, which the SDK's ``Tracker`` downloads."""
_REGION = DEVICES[0].region
_ACCOUNT = "0" * 12
_FINAL = ("COMPLETED", "FAILED", "CANCELLED")
_SCOPE = re.compile(r"Credential=[^/]*/\d+/([a-z0-9-]+)/")
"""Where a signed request names its region."""
_NAMES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    413: "RequestEntityTooLargeException",
    429: "ThrottlingException",
    500: "InternalServiceException",
    503: "ServiceUnavailableException",
}
"""What AWS calls an error with a status."""


@dataclass
class Task(serving.Taken):
    """A quantum task that the service has taken."""

    arn: str = ""
    """Name that it was given."""
    device: Device = DEVICES[0]
    """Where it runs."""
    programs: list[list[Program]] = field(default_factory=list)
    """Executables of each program."""
    is_set: bool = False
    """Whether they came as a program set."""
    reason: str | None = None
    """Why it failed."""
    created: str = field(default_factory=lambda: _now())
    """When it was taken, ISO 8601."""
    seconds: float = 0.0
    """How long it was executed."""

    @property
    def shots(self) -> int:
        """Shots over all executables."""
        return int(self.posted["shots"])

    @property
    def executables(self) -> int:
        """Programs with their inputs."""
        return sum(map(len, self.programs))

    @property
    def directory(self) -> str:
        """Where in the bucket its results are."""
        return f"{self.posted['outputS3KeyPrefix']}/{self.arn.rpartition('/')[2]}"


class Service(serving.Service):
    """The service, and the tasks that it was sent."""

    def __init__(self, port: int = 0, faults: Iterable[str] = ()) -> None:
        super().__init__(_Handler, port, [BRAKET_FAULTS[name] for name in faults])
        self.tasks: dict[str, Task] = {}
        """Tasks that arrived, by ARN."""
        self.tokens: dict[str, str] = {}
        """ARN of the task that came with a client token."""
        self.submits: list[str] = []
        """Client token of each submit that was heard, in order."""

    @property
    def price(self) -> float:
        """What all tasks would have cost, in USD."""
        return sum(
            task.device.price(task.shots, task.seconds)
            for task in self.tasks.values()
            if self.status_of(task) == "COMPLETED"
        )

    def status_of(self, task: Task) -> str:
        """State of a task, in the words of the service."""
        return self.state_of(task, "QUEUED", "COMPLETED")

    def take(self, body: bytes) -> Task:
        """Take a task; one that came before with the same token is the same task.

        Raises
        ------
        Refused
            It cannot be run.
        """
        posted = json.loads(body)
        task = _task(posted)
        with self.guard:
            arn = self.tokens.setdefault(posted["clientToken"], task.arn)
            task = self.tasks.setdefault(arn, task)
            if self.habit("fails"):
                task.ended, task.reason = "FAILED", self.habit("fails")
        return task

    def results(self, task: Task) -> dict[str, Any]:
        """What stands in results.json, once it was executed."""
        with task.lock:
            if task.result is None:
                started = time.perf_counter()
                shots = task.shots // task.executables
                task.result = [
                    [task.device.run(each, shots) for each in executables]
                    for executables in task.programs
                ]
                task.seconds = time.perf_counter() - started
        return _set_result(task) if task.is_set else _result(task)

    def told(self, task: Task) -> dict[str, Any]:
        """What is known of a task."""
        status = self.status_of(task)
        kind = "program_set" if task.is_set else "program"
        told: dict[str, Any] = {
            **_summary(task, status),
            "deviceParameters": task.posted.get("deviceParameters", "{}"),
            "actionMetadata": {
                "actionType": f"braket.ir.openqasm.{kind}",
                "programCount": len(task.programs),
                "executableCount": task.executables,
            },
            "queueInfo": {
                "queue": "QUANTUM_TASKS_QUEUE",
                "queuePriority": "Normal",
                "position": "1" if status == "QUEUED" else "None",
            },
            "associations": [],
        }
        if status in _FINAL:
            done = status == "COMPLETED"
            told["numSuccessfulShots"] = task.shots if done else 0
        if task.reason is not None:
            told["failureReason"] = task.reason
        return told


def _task(posted: dict[str, Any]) -> Task:
    device = next((one for one in DEVICES if one.arn == posted["deviceArn"]), None)
    if device is None:
        raise Refused(f"there is no device {posted['deviceArn']}")
    action = json.loads(posted["action"])
    kind = action["braketSchemaHeader"]["name"]
    is_set = kind == "braket.ir.openqasm.program_set"
    if not is_set and kind != "braket.ir.openqasm.program":
        raise Refused(f"the device takes no {kind}")
    programs = [
        [
            read_program(each["source"], inputs, device.labels)
            for inputs in (_each(each) if is_set else [each.get("inputs") or {}])
        ]
        for each in (action["programs"] if is_set else [action])
    ]
    executables = sum(map(len, programs))
    most = device.executables if is_set else 1
    if not 1 <= executables <= most:
        raise Refused(f"{executables} executables instead of at most {most}")
    if posted["shots"] % executables:
        raise Refused("the shots cannot be shared out evenly to the executables")
    for program in (one for group in programs for one in group):
        device.check(program, posted["shots"] // executables)
    region = device.region or _REGION
    arn = f"arn:aws:braket:{region}:{_ACCOUNT}:quantum-task/{uuid.uuid4()}"
    return Task(posted, arn=arn, device=device, programs=programs, is_set=is_set)


def _each(program: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs of each executable of a program."""
    inputs = program.get("inputs") or {}
    if not inputs:
        return [{}]
    columns = list(inputs.values())
    return [dict(zip(inputs, row, strict=True)) for row in zip(*columns, strict=True)]


def _summary(task: Task, status: str) -> dict[str, Any]:
    told = {
        "quantumTaskArn": task.arn,
        "status": status,
        "deviceArn": task.device.arn,
        "shots": task.shots,
        "outputS3Bucket": task.posted["outputS3Bucket"],
        "outputS3Directory": task.directory,
        "createdAt": task.created,
        "tags": task.posted.get("tags", {}),
    }
    return {**told, "endedAt": _now()} if status in _FINAL else told


def _result(task: Task) -> dict[str, Any]:
    ((measured,),) = task.result
    metadata: dict[str, Any] = {"action": json.loads(task.posted["action"])}
    if task.device.is_simulator:
        metadata["simulatorMetadata"] = {
            "braketSchemaHeader": _header("simulator_metadata"),
            "executionDuration": round(1000 * task.seconds),
        }
    return {
        "braketSchemaHeader": _header("gate_model_task_result"),
        **measured,
        "resultTypes": [],
        "taskMetadata": {
            "braketSchemaHeader": _header("task_metadata"),
            "id": task.arn,
            "shots": task.shots,
            "deviceId": task.device.arn,
            "createdAt": task.created,
            "endedAt": _now(),
            "status": "COMPLETED",
        },
        "additionalMetadata": metadata,
    }


def _set_result(task: Task) -> dict[str, Any]:
    programs = json.loads(task.posted["action"])["programs"]
    return {
        "braketSchemaHeader": _header("program_set_task_result"),
        "programResults": [
            {
                "braketSchemaHeader": _header("program_result"),
                "executableResults": [
                    {
                        "braketSchemaHeader": _header("program_set_executable_result"),
                        "inputsIndex": index,
                        **measured,
                    }
                    for index, measured in enumerate(results)
                ],
                "source": program,
                "additionalMetadata": {},
            }
            for program, results in zip(programs, task.result, strict=True)
        ],
        "taskMetadata": {
            "braketSchemaHeader": _header("program_set_task_metadata"),
            "id": task.arn,
            "deviceId": task.device.arn,
            "requestedShots": task.shots,
            "successfulShots": task.shots,
            "programMetadata": [
                {"executables": [{} for _ in results]} for results in task.result
            ],
            "createdAt": task.created,
            "endedAt": _now(),
            "status": "COMPLETED",
            "totalFailedExecutables": 0,
        },
    }


def _header(name: str) -> dict[str, str]:
    return {"name": f"braket.task_result.{name}", "version": "1"}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class _Handler(serving.Handler):
    server: Service

    def refuse(self, status: int, code: int | str, retry_after: int | None) -> None:
        """Answer with an error."""
        name = code if isinstance(code, str) else _NAMES[status]
        self._error(status, name, f"emulated trouble {name}", retry_after)

    def post(self, body: bytes) -> None:
        """Take a task, or search."""
        if self.path == "/quantum-task":
            self._take(body)
        elif self.path == "/devices":
            self._answer({"devices": self._devices()})
        elif self.path == "/quantum-tasks":
            filters = json.loads(body).get("filters", [])
            self._answer({"quantumTasks": self._found(filters)})
        else:
            self._error(404, _NAMES[404], "no such route")

    def get(self) -> None:
        """Tell of a device or of a task, or give a file of S3."""
        kind, _, name = unquote(self.path.partition("?")[0])[1:].partition("/")
        if kind == "device":
            self._device(name)
        elif kind == "quantum-task" and name in self.server.tasks:
            self._answer(self.server.told(self.server.tasks[name]))
        elif kind == BUCKET:
            self._file(name)
        elif kind == PRICES:
            text = price_list().encode()
            self.send(text, 200, {"Content-Type": "text/csv"})
        else:
            self._error(404, _NAMES[404], f"there is no {kind} {name}")

    def put(self) -> None:
        """Cancel a task."""
        path = unquote(self.path).removeprefix("/quantum-task/")
        task = self.server.tasks.get(path.removesuffix("/cancel"))
        if task is None:
            self._error(404, _NAMES[404], "there is no such task")
        elif self.server.status_of(task) in _FINAL:
            self._error(409, _NAMES[409], "the task is final")
        else:
            task.ended = "CANCELLED"
            told = {"quantumTaskArn": task.arn, "cancellationStatus": "CANCELLED"}
            self._answer(told)

    def _take(self, body: bytes) -> None:
        self.server.sizes.append(len(body))
        if self.server.is_too_large(body):
            self._error(413, _NAMES[413], "the request is too large")
            return
        try:
            self.server.submits.append(json.loads(body)["clientToken"])
            task = self.server.take(body)
        except Refused as error:
            self._error(400, _NAMES[400], str(error))
            return
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._error(400, _NAMES[400], f"malformed request: {error!r:.200}")
            return
        if not self.troubled(late=True):
            self._answer({"quantumTaskArn": task.arn}, 201)

    def _devices(self) -> list[dict[str, Any]]:
        scope = _SCOPE.search(self.headers.get("Authorization", ""))
        region = scope[1] if scope else _REGION
        return [one.summary() for one in DEVICES if one.region in ("", region)]

    def _device(self, arn: str) -> None:
        device = next((one for one in DEVICES if one.arn == arn), None)
        if device is None:
            self._error(404, _NAMES[404], f"there is no device {arn}")
            return
        tasks = {"queue": "QUANTUM_TASKS_QUEUE", "queuePriority": "Normal"}
        self._answer(
            {
                **device.summary(),
                "deviceCapabilities": json.dumps(device.capabilities()),
                "deviceQueueInfo": [
                    {**tasks, "queueSize": "0"},
                    {"queue": "JOBS_QUEUE", "queueSize": "0"},
                ],
            }
        )

    def _found(self, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        told = [
            _summary(task, self.server.status_of(task))
            for task in self.server.tasks.values()
        ]
        for each in filters:
            if each["operator"] == "EQUAL":
                told = [t for t in told if t.get(each["name"]) in each["values"]]
        return told

    def _file(self, key: str) -> None:
        for task in self.server.tasks.values():
            done = self.server.status_of(task) == "COMPLETED"
            if key == f"{task.directory}/results.json" and done:
                self._answer(self.server.results(task))
                return
        self._error(404, "NoSuchKey", "the specified key does not exist")

    def _error(
        self, status: int, name: str, message: str, retry_after: int | None = None
    ) -> None:
        if unquote(self.path)[1:].startswith(f"{BUCKET}/"):
            code = "NoSuchKey" if status == 404 else name
            text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            self.send(text.encode(), status, {"Content-Type": "application/xml"})
            return
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": name}
        data = json.dumps({"message": message}).encode()
        self.send(data, status, headers, retry_after)

    def _answer(self, content: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send(data, status, {"Content-Type": "application/json"})


def variables(url: str) -> dict[str, str]:
    """Environment variables that lead the SDK to a service."""
    return {
        "BRAKET_ENDPOINT": url,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "emulated",
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "AWS_REGION": _REGION,
        "AWS_DEFAULT_REGION": _REGION,
        "AMZN_BRAKET_OUT_S3_BUCKET": BUCKET,
        "BRAKET_PRICE_OFFERS_URL": f"{url}/{PRICES}",
    }


def lines(url: str) -> str:
    """What a person types to use a service with Amazon's SDK, alone or in the lab."""
    named = "\n".join(f'    {k}="{v}",' for k, v in variables(url).items())
    return f"""\
import os
os.environ.update(
{named}
)
# In the lab, with the SDK in an environment of its own:
#   device = qf.EnvironmentBackend(
#       "envs/braket", "qiskit_braket_provider:BraketProvider", backend="{NAME}"
#   )
# In that environment itself:
from qiskit_braket_provider import BraketProvider
device = BraketProvider().get_backend("{NAME}")"""


def service(
    port: int = 0, faults: Iterable[str] = ()
) -> AbstractContextManager[Service]:
    """A running service.

    Parameters
    ----------
    port
        Where it listens on loopback; 0 for any free port.
    faults
        Names from :data:`quantumflow_lab.emulate.faults.BRAKET_FAULTS`.
    """
    return serving.running(Service(port, faults))
