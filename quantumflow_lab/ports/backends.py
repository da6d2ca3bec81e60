"""The backends that the lab knows, and what they say of circuits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from quantumflow_lab.ports.facts import BackendFacts, Limits
from quantumflow_lab.ports.terms import Mode
from quantumflow_lab.price import Price


@dataclass(frozen=True, slots=True)
class Shape:
    """The form in which a step returned its PUBs."""

    kind: Literal["one", "list", "dict"] = "one"
    """One PUB, a list, or a dict."""
    keys: tuple[Any, ...] = ()
    """Keys of a dict, in order."""
    parts: tuple[Shape, ...] = ()
    """Shapes of the elements of a list or the values of a dict."""
    about: tuple[Mapping[str, Any] | None, ...] = ()
    """Metadata of the circuit of each PUB, where it does not travel with the PUB."""

    def restore(self, results: Sequence[Any]) -> Any:
        """Put one result per PUB back in this form.

        Examples
        --------
        >>> pair = Shape("list", parts=(Shape(), Shape()))
        >>> Shape("dict", keys=("a", "b"), parts=(Shape(), pair)).restore([1, 2, 3])
        {'a': 1, 'b': [2, 3]}
        """
        for result, metadata in zip(results, self.about, strict=False):
            result.metadata["circuit_metadata"] = metadata
        return self._take(iter(results))

    def _take(self, results: Iterator[Any]) -> Any:
        if self.kind == "one":
            return next(results)
        taken = [part._take(results) for part in self.parts]
        return (
            dict(zip(self.keys, taken, strict=True)) if self.kind == "dict" else taken
        )


class Backends(Protocol):
    """The backends that the lab knows by name."""

    def facts(self, name: str) -> BackendFacts:
        """Look a backend up; raises ``UnknownBackend`` naming the nearest."""

    def known(self, name: str) -> BackendFacts:
        """The facts as they were when a plan last asked for them; cheap."""

    def names(self) -> list[str]:
        """Names for completion, sorted."""

    def add(
        self,
        name: str,
        backend: object,
        *,
        price: Price | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Register a ``BackendV2`` under a name."""

    def normalise(
        self,
        kind: Literal["sample", "estimate"],
        value: object,
        *,
        backend: str,
        shots: int | None,
        precision: float | None,
    ) -> tuple[tuple[Any, ...], Shape]:
        """PUBs of what a step returned, and how they were arranged.

        Raises the ``PubError`` that says what to return instead.
        """

    def circuits(self, kind: Literal["sample", "estimate"], pub: Any) -> int:
        """Circuits that running one normalised PUB takes."""

    def shots(self, kind: Literal["sample", "estimate"], pub: Any) -> int:
        """Shots over all circuits of one normalised PUB; 0 if it is exact."""

    def payload(self, pubs: Sequence[Any]) -> int:
        """Bytes of normalised PUBs on their way to a provider."""

    def key(
        self, name: str, kind: Literal["sample", "estimate"], pub: Any, how: object
    ) -> str | None:
        """Content key of what a PUB gives on a backend, shots and seed left out.

        `how` is what else decides, options and the like; None if there is no key.
        """

    def question(self, kind: Literal["sample", "estimate"], pub: Any) -> str | None:
        """Content key of a normalised PUB, whatever backend it is for."""

    def identity(self, name: str) -> str:
        """What a backend is, so that another of its name is told apart."""

    def fetches(
        self, name: str, kind: Literal["sample", "estimate"], *, heard: bool
    ) -> bool:
        """Whether a job that was sent can be fetched, its id `heard` or not."""

    def open_session(self, name: str, mode: Mode, most_s: int | None) -> str:
        """Open a session or batch of so many seconds; its provider's id for it."""

    def close_session(self, name: str, mode: Mode, session: str) -> None:
        """Let it take no more jobs; what it has taken comes to its end."""

    def session_seconds(self, name: str, mode: Mode, session: str) -> float | None:
        """Seconds that a session which was closed is billed; None if nobody tells."""

    def preflight(
        self,
        name: str,
        kind: Literal["sample", "estimate"],
        pubs: Sequence[Any],
        options: Mapping[str, Any],
        transpile: Mapping[str, Any],
    ) -> None:
        """Raise the error that running these PUBs would meet."""
