"""Numbers for the tasks of a graph, depth first: needs before what needs them.

The walk is a dict that numbers a key when it is first asked for it, so that the needs
of a plain task are one ``map`` of look-ups. Chains are followed in a loop, and what is
deeper than Python likes to recurse with a stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    Opened = tuple[Callable[..., Any], tuple[Hashable, ...]]

DEEP = 100
"""Frames of recursion. A walk of its own takes over below."""


def is_task(value: Any) -> TypeGuard[tuple[Any, ...]]:
    """Whether this is a task as Dask's documentation defines it."""
    return type(value) is tuple and bool(value) and callable(value[0])


class Graph(Protocol):
    """What the walk asks of a graph."""

    values: dict[Any, Any]
    """Tasks and data by key."""

    def runs(self, key: Hashable) -> bool:
        """Whether this key, which is no plain task, is known to need running."""

    def open(self, key: Hashable) -> Opened:
        """The call of a key, and the keys whose results it takes, none an alias."""


class Numbers(dict[Any, int]):
    """Number of each key that was asked for, and of all it needs."""

    __slots__ = ("_depth", "_graph", "_look_up", "_values", "calls", "needs")

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._graph = graph
        self._values = graph.values
        self._look_up = self.__getitem__
        self._depth = 0
        self.calls: list[Callable[..., Any]] = []
        """What to call, by number."""
        self.needs: list[tuple[int, ...]] = []
        """The numbers whose results it takes, in order; a number may repeat.

        A need is -1 if it needs its user.
        """

    def __missing__(self, key: Hashable) -> int:
        """Number a key.

        Raises
        ------
        KeyError
            If it is no key, or if it may not need running: its user must be opened.
        """
        task = self._values[key]
        if type(task) is not tuple or not task or not callable(task[0]):
            if not self._graph.runs(key):
                raise KeyError(key)
            return self._number(key, *self._graph.open(key))
        if len(task) == 2 and self._is_new(task[1]):
            return self._chain(key)
        if self._depth == DEEP:
            return self._walk(key, task[0], task[1:])
        self._depth += 1
        call = task[0]
        try:
            needs = tuple(map(self._look_up, task[1:]))
        except (KeyError, TypeError):
            call, args = self._graph.open(key)
            needs = tuple(map(self._look_up, args))
        finally:
            self._depth -= 1
        number = self[key] = len(self.calls)
        self.calls.append(call)
        self.needs.append(needs)
        return number

    def _is_new(self, arg: Any) -> bool:
        """Whether this may be the key of a task that has no number yet."""
        try:
            return arg not in self
        except TypeError:
            return False

    def _number(
        self, key: Hashable, call: Callable[..., Any], args: tuple[Hashable, ...]
    ) -> int:
        """Number what an opened key needs, then the key."""
        if self._depth == DEEP:
            return self._walk(key, call, args)
        self._depth += 1
        try:
            needs = tuple(map(self._look_up, args))
        finally:
            self._depth -= 1
        return self._add(key, call, needs)

    def _add(
        self, key: Hashable, call: Callable[..., Any], needs: tuple[int, ...]
    ) -> int:
        number = self[key] = len(self.calls)
        self.calls.append(call)
        self.needs.append(needs)
        return number

    def _chain(self, key: Hashable) -> int:
        """Number tasks of one argument each, from one that is not, or is numbered."""
        values = self._values
        path: list[Hashable] = []
        calls: list[Callable[..., Any]] = []
        try:
            for _ in range(len(values) + 1):
                task = values[key]
                if type(task) is not tuple or len(task) != 2 or not callable(task[0]):
                    break
                path.append(key)
                calls.append(task[0])
                key = task[1]
                if key in self:
                    break
            else:
                raise self.cycle(path[-1:])
            below = self._look_up(key)
        except (KeyError, TypeError):
            key = path.pop()
            below = self._number(key, *self._graph.open(key))
            calls.pop()
        if path:
            first = len(self.calls)
            below = first + len(path) - 1
            self.calls += reversed(calls)
            self.needs.append((self[key],))
            self.needs += zip(range(first, below))
            self.update(zip(reversed(path), range(first, below + 1), strict=True))
        return below

    def _walk(
        self, key: Hashable, call: Callable[..., Any], args: tuple[Hashable, ...]
    ) -> int:
        """Number a key and what it needs with a stack instead of recursion.

        A key is -1 while what it needs is being numbered.
        """
        graph, values = self._graph, self._values
        stack: list[tuple[Any, Any, Any, Iterator[Hashable]]] = []
        self[key] = -1
        pending = iter(args)
        while True:
            for arg in pending:
                try:
                    if arg in self:
                        continue
                    task = values[arg]
                except (KeyError, TypeError):
                    task = None
                if is_task(task):
                    below = task[0], task[1:]
                elif task is not None and graph.runs(arg):
                    below = graph.open(arg)
                else:
                    call, args = graph.open(key)
                    pending = iter(args)
                    break
                stack.append((key, call, args, pending))
                key, (call, args) = arg, below
                self[key] = -1
                pending = iter(args)
                break
            else:
                number = self._add(key, call, tuple(map(self._look_up, args)))
                if not stack:
                    return number
                key, call, args, pending = stack.pop()

    def cycle(self, roots: Iterable[Hashable]) -> RuntimeError:
        """The error for keys that need each other, of which there are some."""
        done: set[Hashable] = set()
        for root in roots:
            path = {root: iter(self._graph.open(root)[1])}
            while path:
                key, args = next(reversed(path.items()))
                arg = next((arg for arg in args if arg not in done), None)
                if arg is None:
                    done.add(key)
                    del path[key]
                elif arg in path:
                    keys = [*path, arg]
                    return RuntimeError(cycle_message(keys[keys.index(arg) :]))
                else:
                    path[arg] = iter(self._graph.open(arg)[1])
        raise AssertionError("there is no cycle")


def cycle_message(keys: list[Hashable]) -> str:
    """What Dask says of keys that need each other."""
    return "Cycle detected between the following keys:" + "".join(
        f"\n  -> {key}" for key in keys
    )
