"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantumflow_lab.backends.conformance.bench import Bench


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - no password
    NOTE = "note"
    """Nothing is wrong, but a user should know."""
    FAIL = "fail"
    """Results would be wrong, or would not come."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe saw."""

    verdict: Verdict
    text: str
    """One sentence."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What the verdict was made from; names carry their unit."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question put to a backend."""

    name: str
    """Identifier, such as ``bit_order``."""
    asks: str
    """The question."""
    why: str
    """What goes wrong for a user when the answer is no."""
    decided: str
    """How the verdict is reached: exactly, or with which confidence."""
    remedy: str
    """What to do when it fails."""
    probe: Callable[[Bench], Answer]
    needs: tuple[str, ...] = ("answers", "shots")
    """Checks without whose success this one has no meaning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check on one backend."""

    check: Check
    answer: Answer
    seconds: float
    """How long it took."""

    @property
    def verdict(self) -> Verdict:
        """Pass, note, fail or skipped."""
        return self.answer.verdict


def check(
    asks: str,
    *,
    why: str,
    remedy: str,
    decided: str = "exact",
    needs: tuple[str, ...] = ("answers", "shots"),
) -> Callable[[Callable[[Bench], Answer]], Check]:
    """Make a :class:`Check` of a probe; its name is that of the function."""

    def made(probe: Callable[[Bench], Answer]) -> Check:
        return Check(probe.__name__, asks, why, decided, remedy, probe, needs)

    return made


def passed(text: str, **numbers: float) -> Answer:
    """All is well."""
    return Answer(Verdict.PASS, text, numbers)


def noted(text: str, **numbers: float) -> Answer:
    """Nothing is wrong, but a user should know."""
    return Answer(Verdict.NOTE, text, numbers)


def failed(text: str, **numbers: float) -> Answer:
    """Something is wrong."""
    return Answer(Verdict.FAIL, text, numbers)


def skipped(text: str) -> Answer:
    """The question has no meaning here."""
    return Answer(Verdict.SKIPPED, text)
