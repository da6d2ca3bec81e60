"""A run as a script of plain Qiskit that needs nothing of this package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from quantumflow_lab.backends.constructors import Constructor
from quantumflow_lab.errors import NotExportable, StoreError
from quantumflow_lab.export import support
from quantumflow_lab.export.cell_text import CellParts, joined, look, take_apart
from quantumflow_lab.export.files import Files
from quantumflow_lab.export.imports import NEEDED, sorted_imports, uses
from quantumflow_lab.export.loops import Loops
from quantumflow_lab.export.ranges import range_text
from quantumflow_lab.export.values import SMALL, WIDTH, Values, laid_out, quoted
from quantumflow_lab.stored import StoredRun

if TYPE_CHECKING:
    from quantumflow_lab.run import Run


@dataclass(frozen=True, slots=True)
class Device:
    """What a script has to know of a backend."""

    made: Constructor | None
    """How it is made; None if nobody can tell."""
    kind: str
    """Its class, for messages."""
    noisy: bool
    """Whether exact estimates on it would need its noise."""


class Known(Protocol):
    """What it asks of the lab."""

    def device(self, name: str) -> Device:
        """A backend by its name."""

    def load(self, name: str) -> Run:
        """A run by its id."""


def script(
    stored: StoredRun,
    known: Known,
    *,
    usual_shots: int,
    calibrated: Mapping[str, str],
) -> Files:
    """A run as a Python script, and what has to stand beside it.

    Parameters
    ----------
    stored
        The run, as the store has it.
    known
        Tells how its backends are made, and finds runs that it read.
    usual_shots
        Shots of steps of which nothing tells how many they had.
    calibrated
        Date of the calibration that the run met, of backends that have one.

    Raises
    ------
    NotExportable
        Naming what no script can say, and what to do.
    """
    return _Script(stored, known, usual_shots, calibrated).files()


@dataclass
class _Script:
    stored: StoredRun
    known: Known
    usual_shots: int
    calibrated: Mapping[str, str]
    values: Values = field(default_factory=Values)
    taken: set[str] = field(default_factory=set)
    """Names of the cell and its notebook, which ours have to leave alone."""
    noisy: set[str] = field(default_factory=set)
    """Backends whose noise an exact estimate would need."""

    def __post_init__(self) -> None:
        self.flow = self.stored.workflow
        self.record = self.stored.record
        self.inputs = {each["name"]: each for each in self.record["inputs"]}
        self.set: Mapping[str, Any] = self.record["options"]["set"]
        plan = self.record["options"]["plan"]
        self.dims = {each["name"]: tuple(each["dims"]) for each in plan["steps"]}
        self.axes = {name: self.stored.axes[name] for name in plan["axes"]}
        self.indexed = frozenset(
            name for name, values in self.axes.items() if not _are_keys(values)
        )
        self.taken = {
            *self.flow.step_names,
            *self.flow.axis_names,
            *self.inputs,
            *(each.name for each in self.flow.assignments),
            *(each.name for each in self.flow.helpers),
            *(name for each in self.flow.imports for name in each.names),
        }
        given = [each.source for each in self.flow.imports]
        for each in self.inputs.values():
            given += [str(d["text"]) for d in each.get("defined") or ()]
        # What is imported there as here is one thing.
        self.taken -= {name for name, line in NEEDED.items() if line in given}

    def files(self) -> Files:
        """The script, its arrays and its circuits."""
        parts = take_apart(self.flow, self._axis, self._replaced)
        notebook = self._notebook(parts)
        main = self._loops().main()
        devices = self._devices(parts)
        ours = self._support(parts, main, devices)
        content = self._whole(parts, notebook, main, devices, ours)
        beside = {f".{name}.qpy": data for name, data in self.values.circuits.items()}
        if self.values.arrays:
            beside[".npz"] = self.values.npz()
        for name, device in devices.items():
            for word, data in device.parts.items():
                beside[f".{name}.{word}.pickle"] = data
        return Files({"": content.encode()}, beside)

    def _mine(self, name: str) -> str:
        """A name of ours, with a line below it where the cell has the same."""
        while name in self.taken:
            name += "_"
        return name

    def _renamed(self, text: str) -> str:
        """Text of ours with its names as the script has them."""
        for name in (_OURS | NEEDED.keys()) & self.taken:
            text = re.sub(rf"(?<![.\w]){name}\b", self._mine(name), text)
        return text

    # What the cell says.

    def _axis(self, name: str) -> str:
        declared = next(each for each in self.flow.axes if each.name == name)
        axis, values = self._mine("AXES"), self.axes[name]
        text = None if name in self.set else range_text(declared.source, values)
        if text is None:
            text = self._axis_values(name, values)
        unit = self.stored.units.get(name)
        line = laid_out(f"{axis}[{quoted(name)}] = ", text)
        if unit is None:
            return line
        said = f"{line}  # in {unit}"
        fits = len(said.split("\n")[-1]) <= WIDTH
        return said if fits else f"# in {unit}\n{line}"

    def _axis_values(self, name: str, values: Sequence[Any]) -> str:
        array = np.array(values) if all(isinstance(v, float) for v in values) else None
        if array is None or array.size <= SMALL:
            return self.values.text(name, list(values))
        return f"{self.values.text(name, array)}.tolist()"

    def _replaced(self, names: Sequence[str]) -> str | None:
        given = [name for name in names if name in self.set]
        if not given:
            return None
        if len(given) < len(names):
            raise NotExportable(
                f"--set gave one of {', '.join(names)}, which the cell assigns at "
                "once; assign them one by one",
                name=given[0],
            )
        return "\n".join(
            laid_out(f"{name} = ", self.values.text(name, _plain(self.set[name])))
            + "  # given by --set"
            for name in given
        )

    # What the notebook has.

    def _notebook(self, parts: CellParts) -> str:
        read = self._read(parts.body)
        pieces: dict[str, tuple[str, bool]] = {}
        for axis in self.flow.axes:
            if axis.span is None:
                pieces[axis.name] = self._axis(axis.name), False
        for name, given in self.inputs.items():
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
        self.taken |= pieces.keys()
        return joined([(text, wide) for text, wide in pieces.values() if text])

    def _read(self, body: str) -> set[str]:
        """Names that the functions and statements of the script read."""
        names = {n.id for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Name)}
        for step in self.flow.steps:
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
                yield name, f"{name} = {self._mine('BACKENDS')}[{quoted(name)}]"
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
                self.taken.add(each["name"])
            else:
                look(parts, text)
                yield each["name"], text

    def _value(self, name: str, given: Mapping[str, Any]) -> Any:
        try:
            if given["kept"]:
                return self.stored.shelf.get(given["kept"])
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
        asked = any(name in step.needs for step in self.flow.steps)
        if (others and not asked) or not steps:
            raise NotExportable(
                f"the cell reads run '{name}' otherwise than by {name}[\"step\"]; take "
                "the values out of it in a cell before",
                name=name,
            )
        run = self.known.load(str(given["summary"]).split()[-1])
        words = [
            f"{quoted(step)}: {self.values.text(f'{name}_{step}', run[step])}"
            for step in steps
        ]
        return laid_out(f"{name} = ", "{" + ", ".join(words) + "}")

    # What runs it.

    def _loops(self) -> Loops:
        rows = {row["name"]: row["backend"] for row in self.stored.view["steps"]}
        asked = self.record["options"]
        first = [*asked["backend"], *asked.get("among", ()), *self.record["backends"]]
        backends = {
            step.name: str(rows.get(step.name) or self._own(step.name) or first[0])
            for step in self.flow.steps
            if first
        }
        return Loops(
            workflow=self.flow,
            dims=self.dims,
            backends={name: b.split(",")[0] for name, b in backends.items()},
            shots=self._shots(),
            precision=asked["precision"],
            run_shots=asked["shots"],
            indexed=self.indexed,
            simple=self._simple(),
            mine=self._mine,
        )

    def _own(self, step: str) -> str | None:
        """The backend that a step names itself."""
        option = self.flow.step(step).option("backend")
        try:
            found = ast.literal_eval(option.source) if option else None
        except ValueError:
            return None
        return found if isinstance(found, str) else None

    def _shots(self) -> dict[str, int]:
        """Shots of a circuit of each step, where nobody named any."""
        names = self.flow.step_names
        if (usual := self.record["options"]["plan"].get("usual_shots")) is not None:
            return dict.fromkeys(names, int(usual))
        # Earlier runs did not say; their jobs tell what it comes to.
        shots = dict.fromkeys(names, self.usual_shots)
        for row in self.stored.shelf.query("jobs", run=self.stored.id):
            if row["shots"] and row["circuits"]:
                shots[row["step"]] = row["shots"] // row["circuits"]
        return shots

    def _simple(self) -> frozenset[str]:
        """Names of numbers and texts, functions and modules."""
        names = {n for n, i in self.inputs.items() if i["kind"] not in ("value", "run")}
        for each in self.flow.assignments:
            try:
                value = ast.literal_eval(each.source)
            except ValueError:
                continue
            if isinstance(value, int | float | complex | str | bytes):
                names.add(each.name)
        for name, given in self.inputs.items():
            if given["kind"] == "value" and not given["summary"].startswith(("[", "(")):
                names |= {name} if _is_plain_summary(given["summary"]) else set()
        return frozenset(names)

    def _devices(self, parts: CellParts) -> dict[str, Constructor]:
        used = dict.fromkeys(self._used_backends())
        used |= dict.fromkeys(
            name for name in sorted(parts.backends) if name not in used
        )
        found = {}
        for name in used:
            device = self.known.device(name)
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

    def _used_backends(self) -> Iterator[str]:
        if "backend" in self.axes and "backend" not in self.taken:
            yield from map(str, self.axes["backend"])
        loops = self._loops()
        for step in self.flow.steps:
            uses = step.quantum or "backend" in step.injected
            if uses and "backend" not in self.dims[step.name]:
                yield loops.backends[step.name]
        for name, given in self.inputs.items():
            if given["kind"] == "backend":
                yield name

    def _refuse_exact_noise(self, name: str) -> None:
        loops = self._loops()
        for step in self.flow.steps:
            estimates = step.kind == "estimate" or "estimator" in step.injected
            over = "backend" in self.dims[step.name]
            uses_it = over or loops.backends.get(step.name) == name
            if estimates and uses_it and loops.accuracy(step, "Estimator") in _EXACT:
                raise NotExportable(
                    f"exact estimates with the noise of '{name}' need quantumflow_lab; "
                    "run the cell with --precision 0.01, or on a simulator without "
                    "noise",
                    backend=name,
                )

    def _refuse_several(self, name: str, parts: CellParts) -> None:
        """Which backend a further primitive has by default, only a run knows."""
        if "backend" in self.axes and name in parts.silent:
            raise NotExportable(
                f"qf.{name}() of a step that runs on several backends: name one, as in "
                f'qf.{name}("aer")',
                name=name,
            )

    # Putting it together.

    def _support(
        self,
        parts: CellParts,
        main: str,
        devices: Mapping[str, Constructor],
    ) -> list[str]:
        """The pieces of ours that this script needs."""
        runtime = any(device.device for device in devices.values())
        local = any(not device.device for device in devices.values())
        samples = uses(main, "Sampler") or "sampler" in parts.asked
        estimates = uses(main, "Estimator") or "estimator" in parts.asked
        exact = any(n not in self.noisy and not d.device for n, d in devices.items())
        sampler = support.RUNTIME_SAMPLER * runtime + support.RUN_SAMPLER * local
        guard = support.GUARD if self.noisy else ""
        ideal = support.EXACT.replace("{guard}", guard)
        estimator = ideal * exact + support.RUNTIME_ESTIMATOR * runtime
        estimator += support.RUN_ESTIMATOR * local
        chosen = {
            support.SEEDS: samples or estimates or uses(main, "seed_for"),
            support.NEED: uses(main, "need"),
            support.COLLECT: uses(main, "collect"),
            support.ISA: samples or estimates,
            support.SAMPLER.replace("{choose}\n", sampler): samples,
            support.ESTIMATOR.replace("{choose}\n", estimator): estimates,
            support.ASK: uses(main, "ask"),
            support.STORED_CIRCUIT: bool(self.values.circuits),
            support.LOG: "log" in parts.asked,
        }
        first = quoted(next(iter(devices), "aer"))
        for name, further in _FURTHER.items():
            self._refuse_several(name, parts)
            chosen[further.replace("{first}", first)] = name in parts.asked
        pieces = [each for each, needed in chosen.items() if needed]
        return [self._renamed(each.strip("\n")) for each in pieces]

    def _whole(
        self,
        parts: CellParts,
        notebook: str,
        main: str,
        devices: Mapping[str, Constructor],
        ours: Sequence[str],
    ) -> str:
        constants = self._constants(parts, devices, ours)
        pieces = [(constants, False), *((each, True) for each in ours)]
        if stand_in := self._stand_in(parts):
            pieces.append((stand_in, False))
        if notebook:
            pieces.append(
                (_headed("What the cell read of its notebook.", notebook), True)
            )
        pieces.append((_headed("The cell.", parts.body), True))
        pieces += [(main, True), (self._last(), True)]
        body = joined([piece for piece in pieces if piece[0]])
        own = "\n".join([constants, *ours, stand_in, main])
        imports = self._imports(parts, devices, own)
        future = self._future(parts, notebook)
        head = self._docstring(devices)
        return (
            "\n\n".join(each for each in (head, *future, imports, body) if each) + "\n"
        )

    def _future(self, parts: CellParts, notebook: str) -> list[str]:
        line = "from __future__ import annotations"
        if line not in parts.future and ("->" in notebook or "def " in notebook):
            return [line, *parts.future]
        return parts.future

    def _constants(
        self,
        parts: CellParts,
        devices: Mapping[str, Constructor],
        ours: Sequence[str],
    ) -> str:
        lines = []
        if any("SEED" in each for each in ours):
            lines.append(f"{self._mine('SEED')} = {self.stored.seed}")
        if self.values.arrays:
            name = self._mine("DATA")
            here = f'{self._mine("Path")}(__file__).with_suffix(".npz")'
            lines.append(f"{name} = {self._mine('np')}.load({here})")
        if devices:
            made = {
                name: self._device(name, device) for name, device in devices.items()
            }
            inside = ", ".join(f"{quoted(name)}: {text}" for name, text in made.items())
            lines.append(laid_out(f"{self._mine('BACKENDS')} = ", f"{{{inside}}}"))
        if any("EXACT" in each for each in ours):
            lines.append(f"{self._mine('EXACT')} = ExactEstimator()")
        if any("NOISY" in each for each in ours):
            noisy = self.values.text("noisy", sorted(self.noisy))
            lines.append(f"{self._mine('NOISY')} = {noisy}")
        lines.append(f"{self._mine('AXES')} = {{}}")
        if "backend" in self.axes:
            values = self.values.text("backend", list(self.axes["backend"]))
            lines[-1] = laid_out(f"{self._mine('AXES')} = ", f'{{"backend": {values}}}')
        elif not self.axes:
            lines.pop()
        lines.append(f"{self._mine('VALUES')} = {{}}")
        if "log" in parts.asked:
            lines.append(f"{self._mine('METRICS')} = {{}}")
        return "\n".join(lines)

    def _device(self, name: str, device: Constructor) -> str:
        text = device.expression
        for word in device.parts:
            path = f'Path(__file__).with_suffix(".{name}.{word}.pickle")'
            given = f"{word}=pickle.loads({path}.read_bytes())"
            text = (
                text.replace("()", f"({given})")
                if "()" in text
                else (f"{text[:-1]}, {given})")
            )
        return text

    def _stand_in(self, parts: CellParts) -> str:
        """What answers to ``qf`` in the functions of the cell."""
        lines = []
        given = []
        if "log" in parts.asked:
            given.append(f"log={self._mine('log')}")
        given += [
            f"{name}={self._mine(f'further_{name}')}"
            for name in _FURTHER
            if name in parts.asked
        ]
        if "Failed" in parts.asked:
            given.append('Failed=type("Failed", (), {})')
        if given:
            inside, space = ", ".join(given), self._mine("SimpleNamespace")
            lines += [
                laid_out(f"{alias} = ", f"{space}({inside})")
                for alias in sorted(parts.aliases)
            ]
        if "display" in parts.asked:
            lines.append("display = print")
        return "\n".join(lines)

    def _last(self) -> str:
        shown = [step.name for step in self.flow.steps if step.kind == "step"]
        main = self._mine("main")
        lines = [
            'if __name__ == "__main__":',
            f"    {main}()",
        ]
        if shown:
            names = ", ".join(map(quoted, shown))
            values = self._mine("VALUES")
            one = f"({names},)" if len(shown) == 1 else f"({names})"
            lines += [
                laid_out("for step in ", one, ":", indent="    "),
                f"        for point, value in {values}[step].items():",
                "            print(step, *point, value)",
            ]
        return "\n".join(lines)

    def _imports(
        self, parts: CellParts, devices: Mapping[str, Constructor], own: str
    ) -> str:
        lines = set(self.values.imports)
        for device in devices.values():
            lines |= set(device.imports)
            if device.parts:
                lines.add("import pickle")
        for name, line in NEEDED.items():
            if uses(own, mine := self._mine(name)):
                renamed = line if mine == name else f"{line.split(' as ')[0]} as {mine}"
                lines.add(renamed)
        theirs = dict.fromkeys(parts.imports)
        return sorted_imports(lines - theirs.keys(), theirs)

    def _docstring(self, devices: Mapping[str, Constructor]) -> str:
        stored, record = self.stored, self.record
        began = datetime.fromtimestamp(record["started"], UTC)
        versions = ", ".join(f"{n} {v}" for n, v in record["versions"].items())
        lines = [f"{stored.name}, run {record['number']} of {began:%d %B %Y}."]
        if stored.state != "done":
            lines += ["", f"The run is {stored.state}: not every step had its values."]
        lines += [
            "",
            f"Run       {stored.id}, begun {began:%Y-%m-%d %H:%M:%S} UTC",
            f"Seed      {stored.seed}",
        ]
        for n, name in enumerate(devices):
            calibrated = self.calibrated.get(name)
            date = f", calibrated {calibrated}" if calibrated else ""
            lines.append(f"{'Backends' if n == 0 else '':<10}{name}{date}")
        lines += [f"Versions  {versions}", "", *_RANDOM]
        if any(device.device for device in devices.values()):
            lines += _ACCOUNT
        text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
        return f'"""{_wrapped(text)}\n"""'


_RANDOM = (
    "Written by quantumflow_lab, and runs without it. What is not random has the",
    "values of the run, and so has what a step draws from its rng. Shots come from",
    "other random streams: counts agree with those of the run within statistics.",
)
_ACCOUNT = (
    "",
    "Devices are reached through the account that QiskitRuntimeService has saved here;",
    "each point is a job of its own, which may be paid.",
)

_EXACT = ("precision=0", "precision=0.0")

_FURTHER = {
    "sampler": support.FURTHER_SAMPLER,
    "estimator": support.FURTHER_ESTIMATOR,
}

_OURS = {
    *("SEED", "BACKENDS", "AXES", "VALUES", "METRICS", "DATA"),
    *("seed_for", "need", "collect", "isa_circuit", "ask", "Sampler", "Estimator"),
    *("log", "stored_circuit", "main", "further_sampler", "further_estimator"),
    *("EXACT", "NOISY"),
}


def _headed(title: str, text: str) -> str:
    """A part of the script under a comment, as far from it as black has it."""
    wide = text.lstrip().startswith(("def ", "class ", "@", "async "))
    return f"# {title}\n\n{chr(10) * wide}{text}"


def _wrapped(text: str) -> str:
    """Lines of at most 88 characters; a long one goes on below its first word."""
    lines = []
    for line in text.split("\n"):
        while len(line) > 88:
            at = line.rfind(" ", 0, 88)
            lines.append(line[:at])
            line = " " * 10 + line[at + 1 :]
        lines.append(line)
    return "\n".join(lines)


def _are_keys(values: Sequence[Any]) -> bool:
    """Whether the points along an axis can be told by their values."""
    try:
        return len(set(values)) == len(values) and all(v == v for v in values)
    except TypeError:
        return False


def _plain(value: Any) -> Any:
    """A value of ``--set``: lists and the like were recorded as their text."""
    if isinstance(value, str) and value[:1] in "[({":
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    return value


def _is_plain_summary(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), int | float | complex | str)
    except (ValueError, SyntaxError):
        return False
