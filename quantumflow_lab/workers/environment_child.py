"""The far end of a backend in an environment of its own: ``python THIS IN OUT LIFE``.

A program, never imported by the package. It runs under another interpreter, beside
another Qiskit, so it knows nothing but the standard library and what every Qiskit since
1.3 has. It reads frames from one pipe and writes frames to another: the lengths of a
JSON text and of attached bytes, then both. Circuits come as QPY; nothing is ever
pickled. The standard streams belong to whatever the provider's library prints.

``open`` makes the backend and is answered by a description of it; ``run`` is answered
by ``taken`` and ``submitted``, as is ``retrieve`` for a job that was sent before. Then
``status`` and ``result`` ask about that job, as often as needed, and ``used`` what its
provider says of it. Each is answered by ``error`` if something was raised.
"""

from __future__ import annotations

import errno
import fcntl
import inspect
import io
import json
import math
import os
import signal
import socket
import struct
import sys
import threading
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

_LENGTHS = struct.Struct("<QQ")
_CHUNK = 1 << 20
_DELAY = "qflow_delay_"
"""How delays are called in QPY, in front of their unit."""
_BLOCKS = {"if_else", "for_loop", "while_loop", "switch_case", "box"}
_MOST_TEXT = 2000
_UNREACHED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)
_FILES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


class Refused(Exception):
    """What was asked for is not there; `facts` say what is."""

    def __init__(self, why: str, **facts: Any):
        self.facts = {"why": why, **facts}
        super().__init__(why)


# --- life ------------------------------------------------------------------------


def watch(fd: int) -> None:
    """End this process as soon as the pipe at `fd` closes.

    By SIGIO, which the system sends whatever Python is doing, and which ends a process
    that does not care for it; the thread is for systems whose pipes send no signal.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait, args=(fd,), daemon=True).start()


def _wait(fd: int) -> None:
    while os.read(fd, 1):
        continue
    os._exit(0)


# --- frames ----------------------------------------------------------------------


def receive(fd: int) -> tuple[dict[str, Any], bytes]:
    """Read a frame. Raises ``EOFError`` when the other side has closed the pipe."""
    text, attached = _LENGTHS.unpack(_read(fd, _LENGTHS.size))
    return json.loads(_read(fd, text)), _read(fd, attached)


def send(fd: int, message: dict[str, Any]) -> None:
    """Write a frame."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    view = memoryview(_LENGTHS.pack(len(text), 0) + text)
    while view:
        view = view[os.write(fd, view[:_CHUNK]) :]


def _read(fd: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(fd, min(count, _CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


# --- what the backend is like ----------------------------------------------------


def make(wanted: dict[str, Any]) -> Any:
    """Call the factory; if that gives a provider, ask it for the backend."""
    module_name, _, path = wanted["factory"].partition(":")
    found: Any = import_module(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            known = [known for known in dir(found) if not known.startswith("_")]
            raise Refused("attribute", name=name, known=known[:1000])
        found = getattr(found, name)
    made = found(**wanted["arguments"]) if callable(found) else found
    if hasattr(made, "get_backend") and not hasattr(made, "run"):
        made = made.get_backend(*wanted["backend"])
    if not (hasattr(made, "run") and hasattr(made, "target")):
        raise Refused("no backend", kind=type(made).__name__)
    return made


def describe(backend: Any) -> dict[str, Any]:
    """All that the other side has to know to make circuits ready for a backend."""
    target = backend.target
    options = backend.options
    options = dict(options) if hasattr(options, "keys") else dict(vars(options))
    return {
        "name": str(getattr(backend, "name", None) or type(backend).__name__),
        "text": str(getattr(backend, "description", None) or ""),
        "version": str(getattr(backend, "backend_version", None) or ""),
        "max_circuits": _most_circuits(backend),
        "max_shots": _whole(getattr(backend, "max_shots", None)),
        "retrieves": callable(getattr(backend, "retrieve_job", None)),
        "kinds": [
            kind.__module__.partition(".")[0] + ":" + kind.__name__
            for kind in type(backend).__mro__
        ],
        "sets": bool(getattr(backend, "_max_program_set_executables", None)),
        "options": {str(name): _plain(value) for name, value in options.items()},
        "num_qubits": _whole(target.num_qubits),
        "dt": _number(target.dt),
        "timing": {
            name: _whole(getattr(target, name, 1)) or 1
            for name in (
                *("granularity", "min_length", "pulse_alignment"),
                "acquire_alignment",
            )
        },
        "qubits": [
            [_number(getattr(qubit, name, None)) for name in ("t1", "t2", "frequency")]
            for qubit in target.qubit_properties or ()
        ],
        "operations": [_operation(target, name) for name in target.operation_names],
    }


def _operation(target: Any, name: str) -> dict[str, Any]:
    operation = target.operation_from_name(name)
    if inspect.isclass(operation):
        # Control flow and the like: of no fixed width, so without places.
        return {"name": name, "open": True}
    places = target[name]
    return {
        "name": name,
        "base": str(operation.name),
        "qubits": int(operation.num_qubits),
        "clbits": int(operation.num_clbits),
        "params": [_number(param) for param in operation.params],
        "places": [
            [
                None if place is None else list(place),
                _number(getattr(entry, "duration", None)),
                _number(getattr(entry, "error", None)),
            ]
            for place, entry in places.items()
        ],
    }


def _most_circuits(backend: Any) -> int | None:
    most = getattr(backend, "max_circuits", None)
    if most is None and hasattr(backend, "_max_program_set_executables"):
        # Braket makes a task of each circuit, unless its device takes sets. If one is
        # refused, others may have been taken, and would be paid twice when sent again.
        most = backend._max_program_set_executables or 1
    return _whole(most)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and value > 0 else None


def _number(value: Any) -> float | None:
    """A finite number, or None; open parameters are None too."""
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    """A value that JSON has, or None: of other options only the name is told."""
    if isinstance(value, float):
        return _number(value)
    return value if isinstance(value, (bool, int, str)) else None


def reads_qpy() -> int:
    """The newest QPY that this Qiskit reads."""
    from qiskit.qpy import common

    return int(common.QPY_VERSION)


# --- what it answers -------------------------------------------------------------


class NoResult(Exception):
    """What the provider says of a job that came to nothing."""


def run(
    backend: Any, output: int, options: dict[str, Any], body: bytes
) -> tuple[Any, int]:
    """Send circuits; the job and how many they are."""
    from qiskit import qpy

    with warnings.catch_warnings():
        # That the writer is a newer Qiskit is agreed.
        warnings.simplefilter("ignore")
        circuits = [with_delays(circuit) for circuit in qpy.load(io.BytesIO(body))]
    send(output, {"say": "taken"})
    job = backend.run(circuits, **options)
    send(output, {"say": "submitted", "job": _job_id(job)})
    return job, len(circuits)


def with_delays(circuit: Any) -> Any:
    """Put delays back, which came by another name, as QPY forgets their unit."""
    from qiskit.circuit import ControlFlowOp, Delay

    names = circuit.count_ops()
    if _BLOCKS.isdisjoint(names) and not any(n.startswith(_DELAY) for n in names):
        return circuit
    changed = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name.startswith(_DELAY):
            unit = operation.name[len(_DELAY) :]
            operation = Delay(operation.params[0], unit)
        elif isinstance(operation, ControlFlowOp):
            blocks = [with_delays(block) for block in operation.blocks]
            operation = operation.replace_blocks(blocks)
        changed.append(operation, item.qubits, item.clbits)
    return changed


def retrieve(backend: Any, output: int, job_id: str) -> tuple[Any, None]:
    """Find a job that was sent earlier, of nobody knows how many circuits."""
    send(output, {"say": "taken"})
    job = backend.retrieve_job(job_id)
    send(output, {"say": "submitted", "job": _job_id(job)})
    return job, None


def state(job: Any) -> str | None:
    """The name of its state; None if it has none."""
    try:
        status = getattr(job, "status", None)
        status = status() if callable(status) else status
    except NotImplementedError:
        return None
    except (LookupError, ValueError) as error:
        if isinstance(error, OSError):
            raise
        # The library looked up a state of its provider that it does not know.
        return _text(error).strip("'\"")
    return None if status is None else _text(getattr(status, "name", status))


def outcome(job: Any, count: int | None) -> dict[str, Any]:
    """What a job of so many circuits came to; counts keyed as the backend keys."""
    try:
        result = job.result()
    except Exception as error:
        if reason := _reason(job):
            raise NoResult(reason) from error
        raise
    parts = getattr(result, "results", None)
    parts = parts if isinstance(parts, list) else []
    if parts and all(part is None for part in parts):
        raise NoResult(_reason(job) or "its provider gave no result, and no reason")
    if count is None:
        count = len(parts)
    if not count:
        counts = result.get_counts()
        count = len(counts) if isinstance(counts, list) else 1
    return {
        "say": "result",
        "success": bool(getattr(result, "success", True)),
        "status": _text(getattr(result, "status", "")),
        "time_taken": _number(getattr(result, "time_taken", None)),
        "circuits": [_answer(result, parts, index) for index in range(count)],
    }


def _reason(job: Any) -> str | None:
    """Why a job of Braket failed, which only its tasks know."""
    tasks = getattr(job, "_tasks", ())
    for task in tasks if isinstance(tasks, list) else [tasks]:
        known = getattr(task, "_metadata", None)
        if isinstance(known, dict) and known.get("failureReason"):
            return _text(known["failureReason"])
    return None


def used(job: Any) -> dict[str, Any]:
    """What the provider says that a job took which is final, as far as it is known."""
    tasks = getattr(job, "_tasks", ())
    tasks = tasks if isinstance(tasks, list) else [tasks]
    metrics = getattr(job, "metrics", None)
    return {
        "say": "used",
        "client": type(job).__module__.partition(".")[0],
        "metrics": _json(metrics()) if callable(metrics) else None,
        "tasks": [_of_task(task) for task in tasks if hasattr(task, "metadata")],
    }


def _of_task(task: Any) -> dict[str, Any]:
    """What Amazon says of a task; times as text, durations in milliseconds."""
    known = task.metadata(use_cached_value=True)
    status = known.get("status")
    metadata = None
    if status == "COMPLETED":
        metadata = getattr(task.result(), "additional_metadata", None)
    simulated = getattr(metadata, "simulatorMetadata", None)
    return {
        "status": status,
        "shots": known.get("shots"),
        "successful": known.get("numSuccessfulShots"),
        "created": _date(known.get("createdAt")),
        "ended": _date(known.get("endedAt")),
        "ms": _number(getattr(simulated, "executionDuration", None)),
    }


def _date(value: Any) -> str | None:
    return value.isoformat() if hasattr(value, "isoformat") else None


def _json(value: Any) -> Any:
    """A value as JSON has it, or None."""
    try:
        return json.loads(json.dumps(value, default=str, allow_nan=False))
    except (TypeError, ValueError):
        return None


def _answer(result: Any, parts: list[Any], index: int) -> dict[str, Any]:
    part = parts[index] if index < len(parts) else None
    whole = bool(getattr(result, "success", True))
    success = bool(getattr(part, "success", whole)) or whole
    status = _text(getattr(part, "status", ""))
    counts = _counts(result, index) if success else {}
    return {
        "success": success,
        "status": status,
        "counts": counts,
        "name": _title(part),
    }


def _title(part: Any) -> str | None:
    """The name of the circuit that a part of a result is for, if it says so."""
    header = getattr(part, "header", None)
    name = header.get("name") if isinstance(header, dict) else None
    name = getattr(header, "name", None) if name is None else name
    return None if name is None else _text(name)


def _counts(result: Any, index: int) -> dict[str, int]:
    try:
        raw = result.data(index)["counts"]
    except (KeyError, TypeError, AttributeError):
        raw = result.get_counts(index)
    return {_key(key): int(number) for key, number in dict(raw or {}).items()}


def _key(key: Any) -> str:
    return key if isinstance(key, str) else hex(int(key))


def _job_id(job: Any) -> str | None:
    try:
        return _text(job.job_id())
    except Exception:  # noqa: BLE001 - a job without a number is a job all the same
        return None


def told(error: BaseException, where: str) -> dict[str, Any]:
    """An exception as data, with what a client library may have put into it."""
    if isinstance(error, Refused):
        return {"say": "error", "where": where, **error.facts}
    response = getattr(error, "response", None)
    said = _by_botocore(response)
    holders = (error, "status_code"), (response, "status_code"), (error, "code")
    found = [getattr(holder, name, None) for holder, name in holders]
    found.append(said.get("HTTPStatusCode"))
    statuses = [status for status in found if type(status) is int]
    return {
        "say": "error",
        "where": where,
        "why": "raised",
        "class": type(error).__name__,
        "text": _text(error),
        "missing": (
            getattr(error, "name", None)
            if isinstance(error, ModuleNotFoundError)
            else None
        ),
        "status": statuses[0] if statuses else None,
        "retry_after": _retry_after(error, response, said),
        "retried": bool(said.get("RetryAttempts")),
        "network": any(_is_network(each) for each in _behind(error)),
        "unsent": _never_left(error),
        "memory": isinstance(error, MemoryError),
    }


def _by_botocore(response: Any) -> dict[str, Any]:
    """What AWS' client says of an answer: status, headers, tries."""
    said = response.get("ResponseMetadata") if isinstance(response, dict) else None
    return said if isinstance(said, dict) else {}


def _behind(error: BaseException) -> list[BaseException]:
    """An error and those that it was raised from: clients wrap what they meet."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__ or each.__context__
    return found


def _is_network(error: BaseException) -> bool:
    return isinstance(error, OSError) and not isinstance(error, _FILES)


def _never_left(error: BaseException) -> bool:
    """Whether nothing can have arrived: no connection was ever made."""
    behind = _behind(error)
    if any(type(each).__module__.startswith("botocore") for each in behind):
        # It has tried several times, and tells of the last.
        return False
    return any(
        isinstance(each, socket.gaierror) or getattr(each, "errno", None) in _UNREACHED
        for each in behind
    )


def _retry_after(
    error: BaseException, response: Any, said: dict[str, Any]
) -> float | None:
    wait = getattr(error, "retry_after", None)
    headers: Any = said.get("HTTPHeaders") or getattr(response, "headers", None)
    if wait is None and hasattr(headers, "get"):
        wait = headers.get("Retry-After", headers.get("retry-after"))
    return _number(wait)


def _text(value: Any) -> str:
    return str(value)[:_MOST_TEXT]


# --- serving ---------------------------------------------------------------------


def serve(source: int, output: int) -> None:
    """Answer until the pipe closes."""
    backend = job = count = None
    while True:
        try:
            message, body = receive(source)
        except EOFError:
            return
        try:
            if message["ask"] == "open":
                sys.path.append(message["folder"])
                qpy = reads_qpy()
                import qiskit

                about = {"qiskit": str(qiskit.__version__), "qpy": qpy}
                backend = make(message)
                send(output, {"say": "open", **about, "backend": describe(backend)})
            elif message["ask"] == "run":
                job, count = run(backend, output, message["options"], body)
            elif message["ask"] == "retrieve":
                job, count = retrieve(backend, output, message["job"])
            elif message["ask"] == "status":
                send(output, {"say": "status", "status": state(job)})
            elif message["ask"] == "used":
                send(output, used(job))
            else:
                send(output, outcome(job, count))
        except BaseException as error:  # noqa: BLE001 - a library may even try to exit
            send(output, told(error, message["ask"]))


def main() -> None:
    """Entry point."""
    # What Ctrl-C stops is for the other side to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # Python has put the folder of this file in front, whose modules are not for here.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    source, output, life = map(int, sys.argv[1:4])
    for fd in (source, output, life):
        # A program that the provider's library starts must not keep the pipes open.
        os.set_inheritable(fd, False)
    watch(life)
    serve(source, output)
    os._exit(0)


if __name__ == "__main__":
    main()
