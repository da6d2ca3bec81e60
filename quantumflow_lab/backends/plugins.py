"""Backends that installed distributions register by entry point.

A distribution names them in the group ``quantumflow_lab.backends``, each as
``name = "module:factory"``; the factory takes no arguments and returns a ``BackendV2``.
Listing them imports nothing: a plugin is loaded when its backend is first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

from quantumflow_lab.backends.facts import is_ibm_device
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.errors import PluginBroken

GROUP = "quantumflow_lab.backends"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One registered backend."""

    name: str
    """Name of the backend."""
    value: str
    """``module:factory``."""
    distribution: str
    """Name and version of the distribution, such as ``qiskit-mine 1.2``."""

    @property
    def key(self) -> str:
        """Content key: the same for the same version of the distribution."""
        return f"plugin:{self.distribution}:{self.name}={self.value}"

    def make(self) -> Any:
        """Import the plugin and call its factory.

        A device of IBM comes as the primitives that it is spoken to through, here and
        in workers alike.

        Raises
        ------
        PluginBroken
            Naming the distribution and what it raised.
        """
        try:
            made = EntryPoint(self.name, self.value, GROUP).load()()
            return PrimitiveBackend(made) if is_ibm_device(made) else made
        except Exception as error:  # a plugin raises whatever it likes
            raise self.broken(f"{type(error).__name__}: {error}") from error

    def broken(self, why: str) -> PluginBroken:
        """The error for a plugin that gives no backend."""
        project = self.distribution.split(" ")[0]
        return PluginBroken(
            f"backend '{self.name}' ({self.value} of {self.distribution}) cannot be "
            f"loaded: {why}; repair it, or type pip uninstall {project}",
            backend=self.name,
            distribution=self.distribution,
        )


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Pickles as the instruction to make a plugin's backend anew."""

    plugin: Plugin

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self.plugin,)


def plugin_names() -> set[str]:
    """Names of all registered backends."""
    return {entry.name for entry in entry_points(group=GROUP)}


def find_plugin(name: str) -> Plugin | None:
    """The registered backend of a name, not loaded; None if there is none.

    Raises
    ------
    PluginBroken
        Two distributions register the name, each something else.
    """
    found = sorted(_registered(name), key=lambda plugin: plugin.distribution)
    if len({plugin.value for plugin in found}) > 1:
        owners = " and ".join(plugin.distribution for plugin in found)
        raise PluginBroken(
            f"backend '{name}' is registered by {owners}: uninstall one of them, or "
            f"type qf.lab().backends.add('{name}', backend)",
            backend=name,
            distribution=owners,
        )
    return found[0] if found else None


def _registered(name: str) -> Iterator[Plugin]:
    for entry in entry_points(group=GROUP, name=name):
        yield Plugin(name, entry.value, _named(entry.dist))


def _named(owner: Distribution | None) -> str:
    """Name and version, as far as they are known: broken metadata hide no device."""
    if owner is None:
        return "?"
    told = (owner.metadata[key] for key in ("Name", "Version") if key in owner.metadata)
    return " ".join(told) or "?"


def _make(plugin: Plugin) -> Any:
    return plugin.make()
