"""A provider as it is found in some other environment, with the habits of many.

Imported by the other side, from the working directory of the test.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from qiskit.providers import Options
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.result import Result


class Busy(Exception):
    """What an HTTP client raises for a 429 with a ``Retry-After``."""

    status_code = 429
    retry_after = 3


class Unheard(ConnectionError):
    """What a client raises when nobody answers."""


class Backend(BasicSimulator):
    """Simulates, after it has done what its habit is."""

    def __init__(self, habit="none", marks=None):
        super().__init__()
        self.name = "habitual"
        self._habit, self._marks = habit, marks
        if habit == "odd options":
            self._options = Options(
                shots=7, level=0.5, model=object(), nan=float("nan")
            )

    def run(self, run_input, **options):
        if self._marks:
            with Path(self._marks).open("a") as marks:
                print(os.getpid(), file=marks)
        getattr(self, self._habit.replace(" ", "_"), lambda: None)()
        if self._habit == "huge":
            return Done(huge(run_input))
        if self._habit == "half":
            return Done(half(super().run(run_input, **options).result()))
        return super().run(run_input, **options)

    def chatty(self):
        print("welcome to the cloud" * 1000)
        os.write(1, b"\x00\xff" * 50_000)
        sys.stderr.write("a warning\n" * 1000)

    def dies(self):
        os.write(2, b"terminate called after throwing std::bad_alloc\n")
        os.abort()

    def leaves(self):
        sys.exit(3)

    def sleeps(self):
        time.sleep(600)

    def holds(self):
        """Sleeps in C without giving the interpreter back, as Aer does."""
        ctypes.PyDLL(None).sleep(600)

    def forks_and_dies(self):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)

    def busy(self):
        raise Busy("slow down")

    def offline(self):
        raise Unheard("not there") from OSError(errno.EHOSTUNREACH, "no route to host")

    def cut_off(self):
        raise Unheard("connection reset by peer")

    def tokenless(self):
        raise FileNotFoundError("no file token.json")

    def greedy(self):
        raise MemoryError


class Keeper(Backend):
    """Keeps what its jobs came to in files, so that they are found again."""

    def run(self, run_input, **options):
        result = super().run(run_input, **options).result()
        job = Kept(
            self._marks, f"job-{len(list(Path(self._marks).parent.glob('*.j')))}"
        )
        job.path.write_text(json.dumps(result.get_counts()))
        return job

    def retrieve_job(self, job_id):
        job = Kept(self._marks, job_id)
        if not job.path.exists():
            raise LookupError(f"there is no job {job_id}")
        return job


class Kept:
    """A job of a Keeper; one that is asked for the first time may kill who asks."""

    def __init__(self, marks, name):
        self.name, self.path = name, Path(marks).with_name(f"{name}.j")

    def job_id(self):
        return self.name

    def result(self):
        deadly = self.path.with_name("deadly")
        if deadly.exists():
            deadly.unlink()
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
        return self

    success = True

    def get_counts(self, index=None):
        found = json.loads(self.path.read_text())
        counts = found if isinstance(found, list) else [found]
        return counts if index is None else counts[index]


class Done:
    """A job that has run when it is made."""

    def __init__(self, result):
        self._result = result

    def job_id(self):
        raise NotImplementedError

    def result(self):
        return self._result


def huge(circuits):
    """A quarter of a million outcomes for each circuit."""
    counts = {hex(outcome): 1 for outcome in range(1 << 18)}
    part = {"shots": 1 << 18, "success": True, "data": {"counts": counts}}
    return Result.from_dict(
        {
            "backend_name": "habitual",
            "backend_version": "1",
            "job_id": "1",
            "success": True,
            "results": [part for _ in circuits],
        }
    )


def half(result):
    """The second circuit has failed."""
    result.success = False
    result.results[1].success = False
    result.results[1].status = "ERROR: no lock on qubit 1"
    return result


class Provider:
    """Knows its backends by name."""

    def __init__(self, token="none"):
        self._token = token

    def get_backend(self, name="default"):
        backend = Backend()
        backend.name = f"{name} for {self._token}"
        return backend


def telling():
    """Its name is what it finds around itself."""
    backend = Backend()
    names = "PYTHONPATH", "MPLBACKEND", "VIRTUAL_ENV", "PROVIDER_TOKEN"
    ours = find_spec("environment_process") is not None
    backend.name = str([ours, *(os.environ.get(name) for name in names)])
    return backend


def no_backend():
    return 7


def broken():
    raise ValueError("the token has expired")


def slow():
    print("connecting to the cloud", flush=True)
    time.sleep(60)


def gone():
    os.write(2, b"Illegal instruction: this build needs AVX-512\n")
    os.kill(os.getpid(), signal.SIGILL)
