"""Which part of a result belongs to which circuit of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.errors import BackendFailed


@dataclass(frozen=True, slots=True)
class Parts:
    """Places in a result, by circuit."""

    places: tuple[int | None, ...]
    """Where the answer for each circuit is; None if there is none."""
    found: int
    """Answers in the result."""
    certain: bool
    """False if some are missing, and the others do not say whose they are."""

    @classmethod
    def of(cls, result: Any, names: Sequence[str]) -> Parts:
        """Find the circuits of a job in its result.

        Parts say whose they are in their headers, where a backend fills these in; else
        the order is that of the circuits.

        Parameters
        ----------
        result
            What ``backend.run(...).result()`` gave.
        names
            Names of the circuits, each another.
        """
        parts = getattr(result, "results", None)
        if not isinstance(parts, list):
            return cls(tuple(range(len(names))), len(names), certain=True)
        titles = [_title(part) for part in parts]
        if set(titles) <= set(names) and len(set(titles)) == len(titles):
            where = {title: place for place, title in enumerate(titles)}
            return cls(tuple(map(where.get, names)), len(parts), certain=True)
        certain = len(parts) == len(names)
        return cls(tuple(range(len(names))), len(parts), certain=certain)

    def place(self, index: int) -> int | Exception:
        """Where the answer for a circuit is, or the error that it has none."""
        place = self.places[index]
        if place is not None and self.certain:
            return place
        whose = "" if self.certain else ", and does not say for which"
        return BackendFailed(
            f"the backend answered {self.found} of {len(self.places)} circuits{whose}",
            circuits=len(self.places),
            returned=self.found,
        )


def _title(part: Any) -> str | None:
    header = getattr(part, "header", None)
    name = header.get("name") if isinstance(header, Mapping) else None
    name = getattr(header, "name", None) if name is None else name
    return None if name is None else str(name)
