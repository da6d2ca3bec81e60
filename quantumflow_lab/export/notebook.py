"""What a cell read of its notebook, made again in a script."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantumflow_lab.errors import NotExportable, StoreError
from quantumflow_lab.export.cell_text import CellParts, joined, look
from quantumflow_lab.export.declared import Declared
from quantumflow_lab.export.names import Names
from quantumflow_lab.export.subject import Subject
from quantumflow_lab.export.values import Values, laid_out, quoted

if TYPE_CHECKING:
    from quantumflow_lab.run import Run


@dataclass
class Notebook:
    """Writes it.

    Parameters
    ----------
    load
        A run by its id.
    """

    subject: Subject
    values: Values
    names: Names
    declared: Declared
    load: Callable[[str], Run]

    def text(self, parts: CellParts) -> str:
        """What the cell read, made again; imports that it needs are added to `parts`.

        Raises
        ------
        NotExportable
            Naming what no script can say.
        """
        read = self._read(parts.body)
        pieces: dict[str, tuple[str, bool]] = {}
        for axis in self.subject.flow.axes:
            if axis.span is None:
                pieces[axis.name] = self.declared.axis(axis.name), False
        for name, given in self.subject.inputs.items():
            if name not in read:
                continue
            for key, text in self._input(name, given, parts):
                if pieces.get(key, (text,))[0] != text:
                    raise NotExportable(
                        f"'{key}' means two things in the functions that the cell "
                        "reads; give one of them another name",
                        name=key,
                    )
                pieces[key] = text, text.startswith(("def ", "class ", "@", "async "))
        self.names.take(pieces)
        return joined([(text, wide) for text, wide in pieces.values() if text])

    def _read(self, body: str) -> set[str]:
        """Names that the functions and statements of the script read."""
        names = {n.id for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Name)}
        for step in self.subject.flow.steps:
            names |= {*step.needs}
            for option in step.options:
                if option.name not in ("backend", "over", "map"):
                    names |= {*option.names}
        return names

    def _input(
        self, name: str, given: Mapping[str, Any], parts: CellParts
    ) -> Iterator[tuple[str, str]]:
        match given["kind"]:
            case "function" | "class" | "module":
                yield from self._defined(name, given, parts)
            case "run":
                yield name, self._run(name, given, parts)
            case "backend":
                yield name, f"{name} = {self.names.mine('BACKENDS')}[{quoted(name)}]"
            case _:
                yield name, self._bound(name, self._value(name, given))

    def _bound(self, name: str, value: Any) -> str:
        return laid_out(f"{name} = ", self.values.text(name, value))

    def _defined(
        self, name: str, given: Mapping[str, Any], parts: CellParts
    ) -> Iterator[tuple[str, str]]:
        defined = given.get("defined")
        if defined is None:
            raise NotExportable(
                f"the source of '{name}' of the notebook is not in the store; run the "
                "cell again, or define it in the cell",
                name=name,
            )
        for each in defined:
            text = each["text"]
            if text is None:
                yield each["name"], self._bound(
                    each["name"], self._value(each["name"], each)
                )
            elif text.startswith(("import ", "from ")):
                if "quantumflow_lab" not in text:
                    parts.imports.append(text)
                self.names.take([each["name"]])
            else:
                look(parts, text)
                yield each["name"], text

    def _value(self, name: str, given: Mapping[str, Any]) -> Any:
        try:
            if given["kept"]:
                return self.subject.stored.shelf.get(given["kept"])
        except StoreError:
            pass
        raise NotExportable(
            f"'{name}' lives in its notebook only, the store has no copy of it; make "
            "it in the cell",
            name=name,
        )

    def _run(self, name: str, given: Mapping[str, Any], parts: CellParts) -> str:
        """Another run that the cell reads, as a dict of the values that it reads."""
        tree = ast.parse(parts.body)
        steps, subscripts = dict[str, None](), set[int]()
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(
                    value=ast.Name(id=found) as base, slice=ast.Constant(value=str(key))
                ) if (found == name):
                    steps[key] = None
                    subscripts.add(id(base))
        others = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Name)
            and node.id == name
            and id(node) not in subscripts
        ]
        asked = any(name in step.needs for step in self.subject.flow.steps)
        if (others and not asked) or not steps:
            raise NotExportable(
                f"the cell reads run '{name}' otherwise than by {name}[\"step\"]; take "
                "the values out of it in a cell before",
                name=name,
            )
        run = self.load(str(given["summary"]).split()[-1])
        words = [
            f"{quoted(step)}: {self.values.text(f'{name}_{step}', run[step])}"
            for step in steps
        ]
        return laid_out(f"{name} = ", "{" + ", ".join(words) + "}")
