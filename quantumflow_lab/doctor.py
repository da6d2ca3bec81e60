"""``qflow doctor``: a backend put through the conformance suite, in workers."""

from __future__ import annotations

import importlib
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from quantumflow_lab.backends.conformance import (
    Bench,
    Examination,
    Finding,
    Verdict,
)
from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.errors import BadOption, UnknownBackend
from quantumflow_lab.ports import JobEvent, JobRequest, Lost, Settled
from quantumflow_lab.widgets import table_html
from quantumflow_lab.widgets.escape import one_line
from quantumflow_lab.workers import Executors, WorkerPool

START_S = 90.0
"""Longest that a worker process may take to start."""

DEADLINE_S = 60.0
"""Seconds that one job of a check may take."""

_NAME_WIDTH, _TEXT_LIMIT = 19, 400
_SHOWN = {
    Verdict.PASS: ("pass", "32"),
    Verdict.NOTE: ("note", "33"),
    Verdict.FAIL: ("FAIL", "31;1"),
    Verdict.SKIPPED: ("skip", "2"),
}
"""Word of each verdict, and its colour as ANSI writes it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the conformance suite found on one backend."""

    backend: str
    """Name of the backend."""
    findings: tuple[Finding, ...]
    """One for each check, in the order of the suite."""
    seconds: float
    """How long the examination took."""
    jobs: int
    """Jobs that ended with an answer."""
    shots: int
    """Shots of these jobs, for which a provider may ask money."""

    @property
    def ok(self) -> bool:
        """True if no check failed."""
        return self.count(Verdict.FAIL) == 0

    def count(self, verdict: Verdict) -> int:
        """Number of findings with a verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def __getitem__(self, name: str) -> Finding:
        """The finding of a check.

        Raises
        ------
        KeyError
            There is no such check.
        """
        for finding in self.findings:
            if finding.check.name == name:
                return finding
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values, for programs."""
        return {
            "backend": self.backend,
            "ok": self.ok,
            "seconds": self.seconds,
            "jobs": self.jobs,
            "shots": self.shots,
            "checks": [
                {
                    "name": finding.check.name,
                    "verdict": finding.verdict.value,
                    "text": finding.answer.text,
                    "numbers": dict(finding.answer.numbers),
                    "seconds": finding.seconds,
                    "asks": finding.check.asks,
                    "why": finding.check.why,
                    "decided": finding.check.decided,
                    "remedy": finding.check.remedy,
                }
                for finding in self.findings
            ],
        }

    def summary(self) -> str:
        """How many checks ended how, in one line."""
        counts = ", ".join(
            f"{self.count(verdict)} {_SHOWN[verdict][0]}"
            for verdict in Verdict
            if self.count(verdict)
        )
        took = f"{self.seconds:.1f} s, {self.jobs} jobs, {self.shots:,} shots"
        return f"{one_line(self.backend, 60)}: {counts} ({took})"

    def __str__(self) -> str:
        lines = [line_of(finding) for finding in self.findings]
        return "\n".join([*lines, self.summary()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (
                _SHOWN[finding.verdict][0],
                _spoken(finding),
                finding.answer.text,
                finding.check.remedy if finding.verdict is Verdict.FAIL else "",
            )
            for finding in self.findings
        ]
        return table_html(("verdict", "check", self.summary(), "what to do"), rows)


def examine(
    backend: str | object,
    backends: Registry | None = None,
    *,
    deadline: float = DEADLINE_S,
    heard: Callable[[Finding], None] = lambda finding: None,
) -> Report:
    """Put a backend through every check.

    Parameters
    ----------
    backend
        A name that `backends` knows, ``module:factory``, or a ``BackendV2``.
    backends
        Where names are looked up; by default the built-in ones.
    deadline
        Seconds that one job may take before it counts as hanging.
    heard
        Called with each finding as soon as it is made.

    Raises
    ------
    UnknownBackend
        Nothing of that name, or the factory gave no backend.
    BadOption
        A deadline that is no positive number of seconds.
    """
    if not 0 < deadline < math.inf:
        raise BadOption(
            f"the deadline of a job must be a positive number of seconds, not "
            f"{deadline}: type deadline=60"
        )
    started = time.monotonic()
    name, registry = _introduced(backend, backends or Registry())
    findings = []
    with practice(registry, deadline) as examination_of:
        examination = examination_of(name)
        for finding in examination:
            heard(finding)
            findings.append(finding)
    done = examination.bench.metrics
    return Report(
        name,
        tuple(findings),
        time.monotonic() - started,
        jobs=len(done),
        shots=sum(metrics.shots for metrics in done),
    )


@contextmanager
def practice(
    registry: Registry, deadline: float = DEADLINE_S
) -> Iterator[Callable[[str], Examination]]:
    """A worker process, and what starts the examination of a backend in it."""
    pool = WorkerPool(size=1)
    jobs = Executors(pool, registry)
    try:
        yield lambda name: Examination(
            Bench(name, registry, jobs, deadline, warm=lambda: _warm(pool))
        )
    finally:
        jobs.close()


def _warm(pool: WorkerPool) -> None:
    """Wait for a worker, by a job without any work."""
    over = Event()

    def heard(event: JobEvent) -> None:
        if isinstance(event, Settled | Lost):
            over.set()

    pool.submit(JobRequest(0, "warm-up", "sample", "aer", (), None), heard)
    over.wait(START_S)


def line_of(finding: Finding, *, width: int = 88, colour: bool = False) -> str:
    """A finding for a terminal: verdict, check, what was seen, and what to do."""
    word, code = _SHOWN[finding.verdict]
    text = one_line(finding.answer.text, _TEXT_LIMIT)
    margin = " " * (len(word) + _NAME_WIDTH + 3)
    room = max(width - len(margin), 30)
    lines = textwrap.wrap(text, room) or [""]
    if finding.verdict is Verdict.FAIL:
        lines += textwrap.wrap(f"→ {finding.check.remedy}", room)
    head = f"\x1b[{code}m{word}\x1b[0m" if colour else word
    body = f"\n{margin}".join(lines)
    return f"{head}  {_spoken(finding):{_NAME_WIDTH}} {body}"


def _spoken(finding: Finding) -> str:
    return finding.check.name.replace("_", " ")


def _introduced(backend: str | object, registry: Registry) -> tuple[str, Registry]:
    """The name of a backend, and a registry that knows it."""
    made = backend
    if isinstance(backend, str) and ":" in backend:
        made = _made(backend)
    if isinstance(made, str):
        _look_up(made, registry)
        return made, registry
    name = backend if isinstance(backend, str) else _name_of(backend)
    # A registry of its own: the one of the lab is not ours to change.
    alone = Registry()
    alone.add(name, made)
    return name, alone


def _look_up(name: str, registry: Registry) -> None:
    """Raise ``UnknownBackend`` for a misspelt name, and nothing else."""
    try:
        registry.facts(name)
    except UnknownBackend:
        raise
    except Exception:  # noqa: BLE001 - the first check asks again, and tells
        return


def _name_of(backend: object) -> str:
    name = getattr(backend, "name", None)
    return name if isinstance(name, str) and name else type(backend).__name__


def _made(path: str) -> object:
    """What ``module:factory`` makes; the working directory can be imported."""
    module, _, factory = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in factory.split("."):
            found = getattr(found, part)
        return found()
    except Exception as error:
        raise UnknownBackend(
            f"cannot make a backend by {path}: {type(error).__name__}: {error}; type "
            "module:factory, where factory() returns a BackendV2",
            name=path,
        ) from error
