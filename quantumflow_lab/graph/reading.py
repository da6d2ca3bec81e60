"""From a Dask graph to numbered calls: one walk, needs before what needs them.

Numbers are given depth first, and the scheduler starts low numbers first; so what was
made is used soon and held briefly. Data and aliases get no number: data are constants
of the tasks that name them, an alias is another name for the same number.
"""

from __future__ import annotations

import sys
from functools import partial
from graphlib import TopologicalSorter
from operator import is_not
from typing import TYPE_CHECKING, Any

from quantumflow_lab.graph.numbering import Numbers, cycle_message, is_task
from quantumflow_lab.graph.parts import (
    Call,
    Need,
    Steps,
    call_of,
    gather,
    has_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from quantumflow_lab.graph.numbering import Opened

CONTAINERS = (list, tuple, set, frozenset)


class Constant:
    """A value that a key has without running anything."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Reading:
    """The calls of a graph, as far as they are needed.

    Parameters
    ----------
    graph
        Keys and their tasks, aliases or data.
    """

    def __init__(self, graph: dict[Any, Any]) -> None:
        self.values = graph
        self.numbers = Numbers(self)
        self._opened: dict[Hashable, Opened] = {}
        self._final: dict[Hashable, Any] = {}
        self._scope: dict[Hashable, int] | None = None
        # Nobody can have made a node of `dask._task_spec` without importing it.
        self._dask: Any = sys.modules.get("dask._task_spec")

    def add(self, key: Hashable) -> int | Constant:
        """Number a key with all it needs; its number, or its constant.

        Raises
        ------
        KeyError
            If the graph has no such key.
        RuntimeError
            If it needs itself.
        """
        final = self._resolve(key)
        if isinstance(final, Constant):
            return final
        return self.numbers[final]

    def runs(self, key: Hashable) -> bool:
        """Whether this key, which is no plain task, is known to need running."""
        return key in self._opened or self._final.get(key, self) == key

    def open(self, key: Hashable) -> Opened:
        """The call of a key, and the keys whose results it takes, none an alias."""
        opened = self._opened.get(key)
        if opened is None:
            refs: list[Hashable] = []
            part = self._part(self.values[key], refs)
            call: Callable[..., Any]
            if isinstance(part, Call):
                call = part if part.named else call_of(part.func, part.parts)
            elif isinstance(part, Steps):
                call = part
            else:  # a container of nothing but constants
                call = partial(itself, part)
            opened = self._opened[key] = (call, tuple(refs))
        return opened

    def _resolve(self, key: Hashable) -> Any:
        """The key of a task, or the constant, that a key stands for."""
        final = self._final.get(key)
        if final is None:
            final = self._final[key] = self._follow(key)
            if not isinstance(final, Constant):
                self._final[final] = final
        return final

    def _follow(self, key: Hashable) -> Any:
        """Go from alias to alias to what is none."""
        path = [key]
        while True:
            value = self.values[path[-1]]
            if isinstance(value, Constant):
                return value
            target = self._alias(value)
            if target is None:
                return path[-1] if self._mentions(value) else Constant(value)
            if isinstance(target, Constant):
                return target
            if target == path[-1]:
                raise KeyError(target)
            if target in path:
                raise RuntimeError(cycle_message([*path[path.index(target) :], target]))
            path.append(target)

    def _alias(self, value: Any) -> Any:
        """The key that a value stands for, the constant that it wraps, or None."""
        if is_task(value):
            return None
        if self._dask and isinstance(value, self._dask.GraphNode):
            if isinstance(value, self._dask.Alias):
                return value.target
            if isinstance(value, self._dask.DataNode):
                return Constant(value.value)
            return None
        if self._dask and is_future(self._dask, value):
            return value.key
        return value if self._is_key(value) else None

    def _is_key(self, value: Any) -> bool:
        try:
            return value in self.values
        except TypeError:
            return False

    def _mentions(self, value: Any) -> bool:
        """Whether anything has to run, or be filled in, for this value."""
        if is_task(value):
            return True
        if self._dask and (
            isinstance(value, self._dask.GraphNode) or is_future(self._dask, value)
        ):
            return True
        if self._is_key(value):
            return True
        return isinstance(value, CONTAINERS) and any(map(self._mentions, value))

    def _part(self, value: Any, refs: list[Hashable]) -> Any:
        """What an argument or a value becomes; adds the keys it needs to `refs`."""
        if is_task(value):
            return Call(value[0], [self._part(arg, refs) for arg in value[1:]], {})
        if self._dask:
            if isinstance(value, self._dask.GraphNode):
                return self._node_part(value, refs)
            if is_future(self._dask, value):
                return self._need(value.key, refs)
        if self._is_key(value):
            return self._need(value, refs)
        if isinstance(value, CONTAINERS):
            parts = [self._part(item, refs) for item in value]
            if has_parts(parts):
                return Call(partial(gather, type(value)), parts, {})
            if any(map(is_not, parts, value)):
                return gather(type(value), *parts)
        return value

    def _need(self, key: Hashable, refs: list[Hashable]) -> Any:
        if self._scope is not None:
            return Need(self._scope[key])
        try:
            final = self._resolve(key)
        except KeyError:
            raise ValueError(f"Missing dependency {key!r}") from None
        if isinstance(final, Constant):
            return final.value
        refs.append(final)
        return Need(len(refs) - 1)

    def _node_part(self, node: Any, refs: list[Hashable]) -> Any:
        """The part of a `dask._task_spec` node."""
        spec = self._dask
        if isinstance(node, spec.Alias):
            return self._need(node.target, refs)
        if isinstance(node, spec.DataNode):
            return node.value
        if type(node).__call__ is not spec.Task.__call__:
            keys = list(node.dependencies)
            needs = [self._need(key, refs) for key in keys]
            return Call(partial(call_node, node, keys), needs, {})
        if node.func is spec._execute_subgraph:
            return self._steps(node, refs)
        parts = [self._node_arg(arg, refs) for arg in node.args]
        named = {name: self._node_arg(arg, refs) for name, arg in node.kwargs.items()}
        return Call(node.func, parts, named)

    def _steps(self, node: Any, refs: list[Hashable]) -> Steps:
        """The part of a fused task, which Dask would order anew each time it runs."""
        given, _last, names, *outer = node.args
        inputs = [self._node_arg(arg, refs) for arg in outer]
        needs = {k: inner.dependencies & given.keys() for k, inner in given.items()}
        # Only its value is needed by none of them, so that comes last.
        nodes = {key: given[key] for key in TopologicalSorter(needs).static_order()}
        places = {key: at for at, key in enumerate([*names, *nodes])}
        ends: dict[Hashable, Hashable] = {}
        for key, inner in nodes.items():
            ends |= dict.fromkeys(inner.dependencies, key)
        scope, self._scope = self._scope, places
        try:
            parts = {key: self._node_part(inner, []) for key, inner in nodes.items()}
        finally:
            self._scope = scope
        ended: dict[Hashable, list[int]] = {key: [] for key in nodes}
        for need, key in ends.items():
            ended[key].append(places[need])
        return Steps(inputs, [(part, (*ended[key],)) for key, part in parts.items()])

    def _node_arg(self, arg: Any, refs: list[Hashable]) -> Any:
        """Arguments of nodes mark what they need; their other values are constants."""
        if isinstance(arg, self._dask.GraphNode) or is_future(self._dask, arg):
            return self._part(arg, refs)
        return arg


def itself(value: Any) -> Any:
    """Be a call that has its result already."""
    return value


def is_future(spec: Any, value: Any) -> bool:
    """Whether a value only refers to a key, as Dask's own check does."""
    return isinstance(value, spec.TaskRef) or getattr(value, "__dask_future__", False)


def call_node(node: Any, keys: list[Hashable], *results: Any) -> Any:
    """Run a node that has its own way of being called."""
    return node(dict(zip(keys, results, strict=True)))
