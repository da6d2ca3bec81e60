"""Another Python environment as a child process, from first word to last."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantumflow_lab.errors import EnvironmentBroken, did_you_mean
from quantumflow_lab.workers.process import ChildProcess, spawn

_SCRIPT = str(Path(__file__).with_name("environment_child.py"))
_LENGTHS = struct.Struct("<QQ")
_CHUNK = 1 << 20
MOST_BYTES = 1 << 30
"""Largest answer that is read."""

_OURS = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "MPLBACKEND"}
"""Environment variables that speak of this environment and would spoil the other."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Which backend of which environment."""

    python: str
    """Path of its interpreter; absolute."""
    factory: str
    """``module:function`` or ``module:Class`` that makes the backend or a provider."""
    arguments: str
    """Keyword arguments of the factory, as JSON."""
    backend: tuple[str, ...]
    """What a provider's ``get_backend`` is asked for; one name, or none."""
    folder: str
    """Folder from which modules import beside those that are installed."""
    start_timeout: float
    """Seconds for starting the interpreter and making the backend."""

    @property
    def pip(self) -> str:
        """How to install something there, up to its name."""
        return f"{self.python} -m pip install"


class EnvironmentProcess(ChildProcess):
    """The interpreter of another environment, running the program that speaks to us.

    Raises
    ------
    EnvironmentBroken
        There is no such interpreter.
    """

    who = "Python"

    def __init__(self, environment: Environment):
        self._environment = environment
        variables = {k: v for k, v in os.environ.items() if k not in _OURS}
        try:
            super().__init__(spawn([environment.python, _SCRIPT], variables))
        except FileNotFoundError as error:
            folder = Path(environment.python).parent.parent
            raise EnvironmentBroken(
                f"there is no Python at {environment.python}: make an environment with "
                f"python -m venv {folder} && {folder}/bin/pip install PROVIDER",
                python=environment.python,
            ) from error
        except OSError as error:
            raise EnvironmentBroken(
                f"{environment.python} cannot be run ({error.strerror}): give the path "
                "of a Python interpreter, such as envs/iqm/bin/python",
                python=environment.python,
            ) from error

    def ask(self, message: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a frame. Raises ``BrokenPipeError`` if the child is gone."""
        text = json.dumps(message, allow_nan=False).encode()
        for part in (_LENGTHS.pack(len(text), len(body)), text, body):
            view = memoryview(part)
            while view:
                view = view[os.write(self._pipes.output, view[:_CHUNK]) :]

    def hear(self, until: float | None = None) -> dict[str, Any]:
        """Wait for a frame.

        Raises
        ------
        EOFError
            The child is gone.
        TimeoutError
            It has said nothing at `until`, in seconds of the monotonic clock.
        ValueError
            What it said is no frame.
        """
        length, attached = _LENGTHS.unpack(self._read(_LENGTHS.size, until))
        if attached or length > MOST_BYTES:
            raise ValueError(f"a frame of {length} and {attached} bytes")
        try:
            said = json.loads(self._read(length, until))
        except RecursionError as error:
            raise ValueError("a frame nested too deeply") from error
        if not isinstance(said, dict):
            raise ValueError("a frame that is no mapping")
        return said

    def open(self) -> dict[str, Any]:
        """Have it make the backend; what it says of it.

        Raises
        ------
        EnvironmentBroken
            With what to type.
        """
        wanted = self._environment
        try:
            self.ask(
                {
                    "ask": "open",
                    "factory": wanted.factory,
                    "arguments": json.loads(wanted.arguments),
                    "backend": list(wanted.backend),
                    "folder": wanted.folder,
                }
            )
            said = self.hear(time.monotonic() + wanted.start_timeout)
        except TimeoutError as error:
            self.kill()
            raise EnvironmentBroken(
                f"{wanted.factory} in {wanted.python} was not there within "
                f"{wanted.start_timeout:g} s{_last_words(self.bury())}: if it "
                f"needs longer, pass start_timeout={2 * wanted.start_timeout:g}",
                python=wanted.python,
            ) from error
        except (BrokenPipeError, EOFError, ValueError) as error:
            self.kill()
            raise EnvironmentBroken(
                f"{wanted.python} ended before it had made {wanted.factory} "
                f"({self.bury()}): try {wanted.python} -c "
                f"'import {wanted.factory.partition(':')[0]}'",
                python=wanted.python,
            ) from error
        if said.get("say") != "open":
            raise _not_made(wanted, said)
        return said

    def _read(self, count: int, until: float | None) -> bytes:
        parts = []
        while count:
            self.wait(until)
            part = os.read(self._pipes.input, min(count, _CHUNK))
            if not part:
                raise EOFError("the pipe is closed")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _last_words(epitaph: str) -> str:
    _, colon, text = epitaph.partition(": ")
    return f", and last printed {text!r}" if colon else ""


def _not_made(wanted: Environment, said: Mapping[str, Any]) -> EnvironmentBroken:
    """Why there is no backend, and what to type."""
    module = wanted.factory.partition(":")[0]
    match said:
        case {"missing": "qiskit"}:
            text = f"{wanted.python} has no Qiskit: type {wanted.pip} 'qiskit>=1.3'"
        case {"missing": str(name)}:
            text = (
                f"{wanted.python} has no module '{name}', which {wanted.factory} "
                f"needs: type {wanted.pip} and the package that brings it, such as "
                "'iqm-client[qiskit]'"
            )
        case {"why": "attribute", "name": str(name), "known": list(known)}:
            hint = did_you_mean(name, map(str, known))
            text = f"module '{module}' in {wanted.python} has no '{name}'{hint}"
        case {"why": "no backend", "kind": str(kind)}:
            text = (
                f"{wanted.factory} made a {kind}, which is no backend: name what "
                "returns an object with run() and target; a provider is asked for "
                "one by backend='NAME'"
            )
        case _:
            if said.get("class") == "TypeError":
                hint = "pass what it takes as arguments={…}"
            else:
                call = wanted.factory.replace(":", ".")
                hint = f"see where by {wanted.python} -c 'import {module}; {call}()'"
            text = (
                f"{wanted.factory} in {wanted.python} raised {said.get('class')}: "
                f"{said.get('text')}; {hint}"
            )
    return EnvironmentBroken(text, python=wanted.python, factory=wanted.factory)
