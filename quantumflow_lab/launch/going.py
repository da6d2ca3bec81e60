"""The runs that go on in this process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from quantumflow_lab.errors import RunIsLive
from quantumflow_lab.runner.live import LiveRun


class RunsHere:
    """The runs that go on in this process, at most one of a name; for any thread."""

    def __init__(self) -> None:
        self._named: dict[str, LiveRun] = {}

    def __iter__(self) -> Iterator[LiveRun]:
        return iter(tuple(self._named.values()))

    def named(self, name: str) -> LiveRun | None:
        """The run of a name."""
        return self._named.get(name)

    def find(self, run_id: str) -> LiveRun | None:
        """The run of an id."""
        return next((live for live in self if live.id == run_id), None)

    def add(self, live: LiveRun) -> None:
        """A run begins."""
        self._named[live.name] = live

    def remove(self, live: LiveRun) -> None:
        """A run has ended; nothing if it is not, or no longer, the one of its name."""
        if self._named.get(live.name) is live:
            del self._named[live.name]

    def refuse_twin(self, name: str) -> None:
        """Refuse a second run of a name.

        Raises
        ------
        RunIsLive
            Saying how to end the first.
        """
        earlier = self._named.get(name)
        if earlier is not None and not earlier.finished.done():
            raise RunIsLive(
                f"a run of '{name}' goes on; wait for it, or type "
                f"%qflow cancel {name}",
                name=name,
            )

    def free_name(self, name: str) -> str:
        """The name, with a number while a run of that name goes on."""
        names = (name if i == 1 else f"{name}_{i}" for i in count(1))
        return next(each for each in names if each not in self._named)
