"""What a cell reads of its notebook, as it travels to a service and arrives there.

Values go as bytes of the codec. Modules, functions and classes go as the Python that
binds them: an import of what is installed, the source of what the notebook defines,
with all that this reads. Definitions that share one stay together, so that a class is
one class over there; others stay apart, so that an edit of one changes no other.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import linecache
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from quantumflow_lab import codec
from quantumflow_lab.cell.cell import read_cell
from quantumflow_lab.cell.declare import Axis, StepFunction
from quantumflow_lab.cell.definitions import Definition, definitions
from quantumflow_lab.cell.inputs import capture, literal_key
from quantumflow_lab.errors import (
    BadDocument,
    NotRemote,
    NotStorable,
    QuantumFlowError,
    did_you_mean,
)
from quantumflow_lab.fingerprint import is_local
from quantumflow_lab.workflow import Workflow

MODULES = 1024
"""Texts of code that a service remembers."""
CODE = "text/x-python"
KINDS = ("value", "axis", "code", "run")


_lock = threading.Lock()
_modules: OrderedDict[str, ModuleType] = OrderedDict()
"""Those of code that has arrived, by their names."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Something of a notebook as bytes."""

    kind: str
    """One of :data:`KINDS`."""
    media: str
    """Media type of the codec, or :data:`CODE`."""
    data: bytes

    def document(self) -> dict[str, str]:
        """For JSON, as the service takes it."""
        text = base64.b64encode(self.data).decode()
        return {"kind": self.kind, "media": self.media, "data": text}


# There.


def carry(
    workflow: Workflow, notebook: Mapping[str, Any], runs: Callable[[Any], str | None]
) -> dict[str, Carried]:
    """What a cell reads of its notebook, made ready to travel.

    Parameters
    ----------
    workflow
        The cell.
    notebook
        The names of the notebook.
    runs
        The id under which the service knows a run; None if it is of another lab.

    Raises
    ------
    CellError
        As a run here would: a name found nowhere, an input that looks like a secret.
    NotRemote
        Naming what cannot travel, and what to do instead.
    """
    axes = [name for name, value in notebook.items() if isinstance(value, Axis)]
    read = read_cell(
        workflow.source,
        workflow.name,
        known=[name for name in notebook if not name.startswith("__")],
        axes=axes,
        file=workflow.file,
        first_line=workflow.first_line,
    )
    found: dict[str, Carried] = {}
    code: dict[str, tuple[Definition, ...]] = {}
    for axis in read.axes:
        if axis.span is None:
            found[axis.name] = _axis(axis.name, notebook[axis.name])
    for name in (each.name for each in read.inputs):
        value = notebook[name]
        kind = capture(name, value, literal_key).input.kind
        if isinstance(value, StepFunction):
            raise _stays(name, "a step of the notebook", "move it into the cell")
        if kind in ("module", "function", "class"):
            code[name] = definitions(name, value)
        else:
            found[name] = _thing(name, value, kind, runs)
    return {**found, **_code(code)}


def _thing(
    name: str, value: Any, kind: str, runs: Callable[[Any], str | None]
) -> Carried:
    if kind == "backend":
        raise _stays(
            name,
            "a backend of this notebook",
            "name one of the service's, which %qflow backends lists",
        )
    if kind == "run":
        run = runs(value)
        if run is None:
            raise _stays(
                name,
                "a run of another lab",
                f"take what the cell needs of it, such as x = {name}['…']",
            )
        return Carried("run", codec.JSON, json.dumps(run).encode())
    try:
        encoded = codec.encode(value)
    except NotStorable as error:
        raise NotRemote(
            f"'{name}' of the notebook cannot go to the service: {error.message}; or "
            "make it in a step of the cell",
            name=name,
        ) from error
    return Carried("value", encoded.media, encoded.data)


def _axis(name: str, axis: Axis) -> Carried:
    try:
        encoded = codec.encode([list(axis.values), axis.unit])
    except NotStorable as error:
        raise NotRemote(
            f"axis '{name}' of the notebook cannot go to the service: {error.message}",
            name=name,
        ) from error
    return Carried("axis", encoded.media, encoded.data)


def _stays(name: str, what: str, instead: str) -> NotRemote:
    return NotRemote(
        f"'{name}' is {what}, which cannot go to the service; {instead}", name=name
    )


def _code(named: Mapping[str, Sequence[Definition]]) -> dict[str, Carried]:
    """The module that binds each name; names that share a definition share it."""
    found: dict[str, Carried] = {}
    for names in _groups(named):
        lines: dict[str, str] = {}
        for name in names:
            for each in named[name]:
                line = _line(name, each)
                if lines.setdefault(each.name, line) != line:
                    raise _stays(
                        name,
                        f"code that reads another '{each.name}' than other code of the "
                        "cell does",
                        "give one of them another name",
                    )
        text = "\n".join(lines.values()) + "\n"
        carried = Carried("code", CODE, text.encode())
        found |= dict.fromkeys(names, carried)
    return found


def _groups(named: Mapping[str, Sequence[Definition]]) -> list[list[str]]:
    groups: list[tuple[set[str], list[str]]] = []
    for name, parts in named.items():
        own = {each.name for each in parts if _is_definition(each.text)}
        mine = [group for group in groups if group[0] & own]
        groups = [group for group in groups if group not in mine]
        joined = own.union(*(each for each, _ in mine))
        groups.append((joined, [*(n for _, names in mine for n in names), name]))
    return [names for _, names in groups]


def _is_definition(text: str | None) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return text is not None and any(isinstance(e, kinds) for e in ast.parse(text).body)


def _line(root: str, part: Definition) -> str:
    """Python that binds a name; a value is read by the codec."""
    if part.text is not None:
        _refuse_local_import(root, part)
        return part.text
    of = f"'{root}'" if part.name == root else f"'{part.name}', which '{root}' reads,"
    if part.value is None:
        raise NotRemote(
            f"{of} has no source that could go to the service; move it into the cell, "
            "or into a file beside the notebook, without secrets in it",
            name=part.name,
        )
    try:
        encoded = codec.encode(part.value)
    except NotStorable as error:
        raise NotRemote(
            f"{of} cannot go to the service: {error.message}; make it inside of the "
            "function",
            name=part.name,
        ) from error
    data = base64.b64encode(encoded.data).decode()
    return f"{part.name} = __qflow_value__({encoded.media!r}, {data!r})"


def _refuse_local_import(root: str, part: Definition) -> None:
    for node in ast.parse(part.text or "").body:
        if isinstance(node, ast.Import):
            module = sys.modules.get(node.names[0].name)
            if module is not None and is_local(module):
                raise _stays(
                    root if part.name == root else part.name,
                    f"the module {module.__name__} of this machine",
                    "import from it what the cell needs by 'from "
                    f"{module.__name__} import …', or install it on both",
                )


# Here.


def arrived(name: str, carried: Carried, run: Callable[[str], Any]) -> Any:
    """What a notebook has sent.

    Parameters
    ----------
    name
        What the notebook calls it.
    carried
        As it came.
    run
        Finds a run of this lab by its id.

    Raises
    ------
    BadDocument
        If it does not read, or its code does not run here.
    """
    if carried.kind == "code":
        return _bound(name, carried.data)
    try:
        value: Any = codec.decode(carried.media, carried.data)
    except QuantumFlowError as error:
        raise BadDocument(f"input '{name[:64]}' does not read: {error}") from error
    match carried.kind, value:
        case "value", _:
            return value
        case "axis", [list(values), str() | None as unit]:
            return Axis(tuple(values), unit)
        case "run", str(found):
            return run(found)
    raise BadDocument(f"input '{name[:64]}' is no {carried.kind}")


def _bound(name: str, data: bytes) -> Any:
    module = _module(data.decode(errors="replace"))
    if name not in vars(module):
        near = did_you_mean(name, _public(vars(module)))
        raise BadDocument(f"the code of input '{name[:64]}' binds no such name{near}")
    return vars(module)[name]


def _module(text: str) -> ModuleType:
    """A module of this text: the same one for the same text.

    Python finds its source, so that steps are kept as long as it does not change.
    """
    label = f"qflow_notebook_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with _lock:
        if label not in _modules:
            _modules[label] = _executed(label, text)
        _modules.move_to_end(label)
        while len(_modules) > MODULES:
            forgotten, _ = _modules.popitem(last=False)
            del sys.modules[forgotten], linecache.cache[f"<{forgotten}>"]
        return _modules[label]


def _executed(label: str, text: str) -> ModuleType:
    module = ModuleType(label)
    file = module.__file__ = f"<{label}>"
    vars(module)["__qflow_value__"] = _value
    lines = text.splitlines(keepends=True)
    linecache.cache[file] = (len(text), None, lines, file)
    sys.modules[label] = module
    try:
        # Whoever sends code may run it: see docs/security.md.
        exec(compile(text, file, "exec"), vars(module))  # noqa: S102
    except (Exception, SystemExit) as error:
        del sys.modules[label], linecache.cache[file]
        raise BadDocument(
            f"code of the notebook does not run on the service: {type(error).__name__}:"
            f" {error}"
        ) from error
    return module


def _value(media: str, data: str) -> Any:
    return codec.decode(media, base64.b64decode(data))


def _public(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith("_")]
