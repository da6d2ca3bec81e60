"""The steps of a run as loops over its axes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from quantumflow_lab.export.values import laid_out, quoted
from quantumflow_lab.workflow import Step, Workflow

USUAL_PRECISION = 0.015625
"""Of estimates where nobody names any: Qiskit's own."""


@dataclass(frozen=True)
class Loops:
    """Writes the loop of each step."""

    workflow: Workflow
    dims: Mapping[str, tuple[str, ...]]
    """Axes of each step, as the run had them."""
    backends: Mapping[str, str]
    """The backend of each step without an axis of backends."""
    shots: Mapping[str, int]
    """Shots of each step that names none."""
    precision: float | None
    """Precision that the run was asked for."""
    run_shots: int | None
    """Shots that the run was asked for."""
    indexed: frozenset[str]
    """Axes of values that are no keys: their points are numbered."""
    simple: frozenset[str]
    """Assignments and inputs that nobody can change."""
    mine: Callable[[str], str]
    """A name of ours as the script has it."""

    def main(self) -> str:
        """The function that runs every step."""
        steps = [self.workflow.step(name) for name in self.workflow.order()]
        blocks = [self._block(step) for step in steps]
        values = self.mine("VALUES")
        head = (
            f"def {self.mine('main')}():\n"
            '    """Run every step; values by step and point."""\n'
        )
        return head + "\n\n".join(blocks) + f"\n    return {values}"

    def _block(self, step: Step) -> str:
        dims = self.dims[step.name]
        over = f" over {' × '.join(dims)}" if dims else ""
        value = f"{self.mine('VALUES')}[{quoted(step.name)}]"
        lines = [f"    # {step.name}: {step.kind}{over}", f"    {value} = {{}}"]
        indent = "    "
        if dims:
            lines.append(self._for(dims))
            indent += "    "
        target = f"{value}[{self._key(dims)}] = "
        lines.append(laid_out(target, self._made(step), indent=indent))
        return "\n".join(lines)

    def _for(self, dims: Sequence[str]) -> str:
        names = ", ".join(map(self._place, dims))
        ranges = [self._range(name) for name in dims]
        if len(dims) == 1:
            return f"    for {names} in {ranges[0]}:"
        inside, product = ", ".join(ranges), self.mine("product")
        return laid_out(f"for {names} in ", f"{product}({inside})", ":", indent="    ")

    def _place(self, axis: str) -> str:
        """The loop variable of an axis: its value, or a number."""
        return f"at_{axis}" if self._numbered(axis) else axis

    def _numbered(self, axis: str) -> bool:
        return axis in self.indexed or axis in self.workflow.step_names

    def _range(self, axis: str) -> str:
        if axis in self.workflow.step_names:
            values = f"{self.mine('VALUES')}[{quoted(axis)}].values()"
            return f"range(len(next(iter({values}))))"
        values = self._values(axis)
        return f"range(len({values}))" if axis in self.indexed else values

    def _values(self, axis: str) -> str:
        return f"{self.mine('AXES')}[{quoted(axis)}]"

    def _key(self, dims: Sequence[str]) -> str:
        if not dims:
            return "()"
        key = ", ".join(map(self._place, dims))
        return f"{key}," if len(dims) == 1 else key

    def _made(self, step: Step) -> str:
        named = [
            (name, self._argument(step, name)) for name in (*step.needs, *step.injected)
        ]
        call = f"{step.name}({', '.join(f'{n}={value}' for n, value in named)})"
        if step.kind == "sample":
            return f"{self.mine('ask')}({self._primitive(step, 'Sampler')}, {call})"
        if step.kind == "estimate":
            return f"{self.mine('ask')}({self._primitive(step, 'Estimator')}, {call})"
        return call

    def _argument(self, step: Step, name: str) -> str:
        if name in step.injected:
            return self._injected(step, name)
        if step.map == name:
            return f"{self._need(step, name)}[{self._place(name)}]"
        return self._known(step, name)

    def _known(self, step: Step, name: str) -> str:
        """A name that a step asks for, itself or in an option."""
        if name in self.workflow.step_names:
            return self._need(step, name)
        if name in self.dims[step.name]:
            value = f"{self._values(name)}[at_{name}]"
            copied = f"{self.mine('deepcopy')}({value})"
            return copied if name in self.indexed else name
        if name in self.workflow.axis_names:
            return f"{self.mine('collect')}({self._values(name)})"
        return name if name in self.simple else f"{self.mine('deepcopy')}({name})"

    def _need(self, step: Step, name: str) -> str:
        have, wanted = self.dims[step.name], self.dims[name]
        words = [quoted(name), *map(self._place, wanted)]
        made = f"{self.mine('need')}({', '.join(words)})"
        extra = [axis for axis in wanted if axis not in have]
        if not extra:
            return made
        for axis in reversed(extra):
            made = f"[{made} for {self._place(axis)} in {self._range(axis)}]"
        depth = f", {len(extra)}" if len(extra) > 1 else ""
        return f"{self.mine('collect')}({made}{depth})"

    def _injected(self, step: Step, name: str) -> str:
        match name:
            case "rng":
                label = self._label(step, "{name}={{{place}!r}}")
                seed = f'{self.mine("seed_for")}("rng", {quoted(step.name)}, {label})'
                return f"{self.mine('np')}.random.default_rng({seed})"
            case "backend" if "backend" in step.over:
                return f"tuple({self._values('backend')})"
            case "backend":
                return self._backend(step)
            case "sampler":
                return self._primitive(step, "Sampler")
        return self._primitive(step, "Estimator")

    def _label(self, step: Step, form: str) -> str:
        """A point as text: its values along the axes of the step."""
        places = [
            form.format(name=name, place=self._place(name))
            for name in self.dims[step.name]
        ]
        return f'f"{", ".join(places)}"' if places else '""'

    def _backend(self, step: Step) -> str:
        if "backend" in self.dims[step.name]:
            return "backend"
        return quoted(self.backends.get(step.name, ""))

    def _primitive(self, step: Step, kind: str) -> str:
        point = self._label(step, "{{{place}}}")
        words = [self._backend(step), quoted(step.name), point]
        words.append(self.accuracy(step, kind))
        for name, word in _WORDS.items():
            if (option := step.option(name)) is not None:
                words.append(f"{word}={self._option(step, option.source)}")
        return f"{self.mine(kind)}({', '.join(words)})"

    def accuracy(self, step: Step, kind: str) -> str:
        """Shots or precision: of the innermost level that names one of them."""
        given = {name: step.option(name) for name in ("shots", "precision")}
        shots, precision = (
            None if option is None else self._option(step, option.source)
            for option in given.values()
        )
        if shots is None and (precision is None or kind == "Sampler"):
            shots = None if self.run_shots is None else str(self.run_shots)
            precision = None if self.precision is None else repr(self.precision)
        if kind == "Sampler":
            return f"shots={shots or self.shots.get(step.name, 1024)}"
        if precision is not None:
            return f"precision={precision}"
        if shots is not None:
            short = shots.isidentifier() or shots.isdigit()
            return (
                f"precision={shots}**-0.5" if short else f"precision=({shots}) ** -0.5"
            )
        return f"precision={USUAL_PRECISION}"

    def _option(self, step: Step, source: str) -> str:
        """The text of an option, with the values at the point for its names."""
        tree = ast.parse(f"({source})", mode="eval")
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        plain = all(
            name not in self.workflow.step_names and name not in self.indexed
            for name in names
        )
        if plain:
            return source if "\n" not in source else ast.unparse(tree)
        return ast.unparse(_Named(lambda name: self._known(step, name)).visit(tree))


_WORDS = {"optimization_level": "level", "transpile": "transpile", "options": "options"}


class _Named(ast.NodeTransformer):
    """Puts what a name stands for in its place."""

    def __init__(self, known: Callable[[str], str]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self.known(node.id), mode="eval").body
