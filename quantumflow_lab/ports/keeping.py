"""What outlives a run: its records, its results, what it has cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol

from quantumflow_lab.amounts import Money


@dataclass(frozen=True, slots=True)
class Known:
    """A result that some run has taken."""

    run: str
    """Id of the run."""
    name: str
    """Its name."""
    taken: float
    """When it was taken, seconds since the epoch."""
    shots: int
    """Shots, for samples; 0 for estimates."""
    value: Mapping[str, Any]
    """Where the store keeps the ``PubResult``."""
    number: int
    """Which of the equal PUBs of its run it is."""


class Results(Protocol):
    """Results of all runs of a home, by content."""

    def find(
        self,
        key: str,
        number: int,
        taken: set[int],
        *,
        besides: str,
        shots: int = 0,
        since: float = 0,
        reserved: Callable[[], Set[int]] = frozenset,
    ) -> Known | None:
        """A result not older than `since` that another run than `besides` has taken.

        That of a number if there is one, else another that is neither `reserved` nor
        `taken`, to which it is added; the newest with enough shots, or that with most
        of them.
        """

    def keep(self, key: str, known: Known) -> None:
        """Add a result; others find it after the next :meth:`flush`."""

    def flush(self) -> None:
        """Make what has been added there for others."""


class Sink(Protocol):
    """Where records of a run go; see ``docs/store.md`` for their kinds and fields."""

    def append(
        self, records: Sequence[Mapping[str, Any]], *, sync: bool = False
    ) -> None:
        """Add records in one write; with ``sync`` they are on the disk on return."""

    def put(self, value: object) -> Mapping[str, Any] | None:
        """Store a value by content; None if it lives in memory only."""

    def get(self, reference: Mapping[str, Any]) -> object:
        """The value behind what :meth:`put` returned; raises ``StoreError``."""


class Ledger(Protocol):
    """What all runs of a home may cost together."""

    def reserve(self, tag: str, *most: Money) -> str | None:
        """Keep back the most that a job may cost; why not, if it cannot be."""

    def settle(self, tag: str, *cost: Money) -> None:
        """Put what a job has cost in the place of what was kept back."""
