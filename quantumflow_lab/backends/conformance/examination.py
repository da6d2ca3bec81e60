"""Puts checks to one backend, each at most once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from quantumflow_lab.backends.conformance.bench import Bench, NoResult
from quantumflow_lab.backends.conformance.catalogue import CHECKS, check_called
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    Check,
    Finding,
    Verdict,
    failed,
    skipped,
)


@dataclass
class Examination:
    """Findings on one backend, made when they are asked for."""

    bench: Bench
    _found: dict[str, Finding] = field(default_factory=dict)

    def find(self, name: str) -> Finding:
        """The finding of one check, and before it of those it needs.

        Raises
        ------
        BadOption
            There is no such check.
        """
        if name not in self._found:
            check = check_called(name)
            broken = next((n for n in check.needs if self._is_broken(n)), None)
            started = time.monotonic()
            if broken is None:
                answer = self._ask(check)
            else:
                answer = skipped(f"'{broken}' did not pass")
            self._found[name] = Finding(check, answer, time.monotonic() - started)
        return self._found[name]

    def __iter__(self) -> Iterator[Finding]:
        """Every finding, in the order of the catalogue, each made when it is due."""
        return (self.find(check.name) for check in CHECKS)

    def _is_broken(self, name: str) -> bool:
        return self.find(name).verdict in {Verdict.FAIL, Verdict.SKIPPED}

    def _ask(self, check: Check) -> Answer:
        with self.bench.asking(check.name):
            try:
                return check.probe(self.bench)
            except NoResult as error:
                return failed(str(error))
            except Exception as error:  # noqa: BLE001 - foreign code, told in full
                return failed(f"{type(error).__name__}: {error}")
