"""The backends that a script needs, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from quantumflow_lab.backends.constructors import Constructor
from quantumflow_lab.errors import NotExportable
from quantumflow_lab.export.loops import Loops
from quantumflow_lab.export.names import Names
from quantumflow_lab.export.subject import Subject

_EXACT = ("precision=0", "precision=0.0")


@dataclass(frozen=True, slots=True)
class Device:
    """What a script has to know of a backend."""

    made: Constructor | None
    """How it is made; None if nobody can tell."""
    kind: str
    """Its class, for messages."""
    noisy: bool
    """Whether exact estimates on it would need its noise."""


@dataclass
class Devices:
    """Finds them.

    Parameters
    ----------
    loops
        Which steps use which.
    known
        A backend by its name.
    """

    subject: Subject
    names: Names
    loops: Loops
    known: Callable[[str], Device]
    noisy: set[str] = field(default_factory=set)
    """Those of them whose noise an exact estimate would need."""

    def made(self, named: AbstractSet[str]) -> dict[str, Constructor]:
        """How the backends are made, by the order of their first use.

        Parameters
        ----------
        named
            Backends that functions of the cell name.

        Raises
        ------
        NotExportable
            For one that no script can make.
        """
        used = dict.fromkeys(self._used())
        used |= dict.fromkeys(name for name in sorted(named) if name not in used)
        found = {}
        for name in used:
            device = self.known(name)
            if device.made is None:
                raise NotExportable(
                    f"backend '{name}' is a {device.kind}, for which nobody can tell "
                    "how it was made; register it as a plugin, whose factory a script "
                    "can call, or run the cell on a backend of Qiskit",
                    backend=name,
                )
            if device.noisy:
                self._refuse_exact_noise(name)
                self.noisy.add(name)
            found[name] = device.made
        return found

    def _used(self) -> Iterator[str]:
        if "backend" in self.subject.axes and "backend" not in self.names.taken:
            yield from map(str, self.subject.axes["backend"])
        for step in self.subject.flow.steps:
            uses = step.quantum or "backend" in step.injected
            if uses and "backend" not in self.subject.dims[step.name]:
                yield self.loops.backends[step.name]
        for name, given in self.subject.inputs.items():
            if given["kind"] == "backend":
                yield name

    def _refuse_exact_noise(self, name: str) -> None:
        for step in self.subject.flow.steps:
            estimates = step.kind == "estimate" or "estimator" in step.injected
            over = "backend" in self.subject.dims[step.name]
            uses_it = over or self.loops.backends.get(step.name) == name
            if not (estimates and uses_it):
                continue
            if self.loops.accuracy(step, "Estimator") in _EXACT:
                raise NotExportable(
                    f"exact estimates with the noise of '{name}' need quantumflow_lab; "
                    "run the cell with --precision 0.01, or on a simulator without "
                    "noise",
                    backend=name,
                )
