"""A run as a script of plain Qiskit that needs nothing of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from quantumflow_lab.backends.constructors import Constructor
from quantumflow_lab.errors import NotExportable
from quantumflow_lab.export import support
from quantumflow_lab.export.cell_text import CellParts, joined, take_apart
from quantumflow_lab.export.declared import Declared
from quantumflow_lab.export.devices import Device, Devices
from quantumflow_lab.export.files import Files
from quantumflow_lab.export.imports import NEEDED, sorted_imports, uses
from quantumflow_lab.export.names import Names
from quantumflow_lab.export.notebook import Notebook
from quantumflow_lab.export.placing import loops_of
from quantumflow_lab.export.subject import Subject
from quantumflow_lab.export.values import Values, laid_out, quoted
from quantumflow_lab.stored import StoredRun

if TYPE_CHECKING:
    from quantumflow_lab.run import Run


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
    subject = Subject(stored)
    names, values = subject.names(), Values()
    declared = Declared(subject, values, names)
    parts = take_apart(subject.flow, declared.axis, declared.replaced)
    notebook = Notebook(subject, values, names, declared, known.load).text(parts)
    loops = loops_of(subject, names, usual_shots)
    main = loops.main()
    devices = Devices(subject, names, loops, known.device)
    made = devices.made(parts.backends)
    whole = _Whole(subject, names, values, parts, made, devices.noisy, calibrated)
    content = whole.text(notebook, main)
    beside = {f".{name}.qpy": data for name, data in values.circuits.items()}
    if values.arrays:
        beside[".npz"] = values.npz()
    for name, device in made.items():
        for word, data in device.parts.items():
            beside[f".{name}.{word}.pickle"] = data
    return Files({"": content.encode()}, beside)


@dataclass
class _Whole:
    """Puts the parts of a script together."""

    subject: Subject
    names: Names
    values: Values
    parts: CellParts
    devices: Mapping[str, Constructor]
    noisy: set[str]
    """Those whose noise an exact estimate would need."""
    calibrated: Mapping[str, str]

    def text(self, notebook: str, main: str) -> str:
        """The script.

        Parameters
        ----------
        notebook
            What it read of its notebook.
        main
            What runs the steps.
        """
        ours = self._support(main)
        constants = self._constants(ours)
        pieces = [(constants, False), *((each, True) for each in ours)]
        if stand_in := self._stand_in():
            pieces.append((stand_in, False))
        if notebook:
            pieces.append(
                (_headed("What the cell read of its notebook.", notebook), True)
            )
        pieces.append((_headed("The cell.", self.parts.body), True))
        pieces += [(main, True), (self._last(), True)]
        body = joined([piece for piece in pieces if piece[0]])
        own = "\n".join([constants, *ours, stand_in, main])
        imports = self._imports(own)
        future = self._future(notebook)
        head = self._docstring()
        return (
            "\n\n".join(each for each in (head, *future, imports, body) if each) + "\n"
        )

    def _refuse_several(self, name: str) -> None:
        """Which backend a further primitive has by default, only a run knows."""
        if "backend" in self.subject.axes and name in self.parts.silent:
            raise NotExportable(
                f"qf.{name}() of a step that runs on several backends: name one, as in "
                f'qf.{name}("aer")',
                name=name,
            )

    def _support(self, main: str) -> list[str]:
        """The pieces of ours that this script needs."""
        runtime = any(device.device for device in self.devices.values())
        local = any(not device.device for device in self.devices.values())
        samples = uses(main, "Sampler") or "sampler" in self.parts.asked
        estimates = uses(main, "Estimator") or "estimator" in self.parts.asked
        exact = any(
            n not in self.noisy and not d.device for n, d in self.devices.items()
        )
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
            support.LOG: "log" in self.parts.asked,
        }
        first = quoted(next(iter(self.devices), "aer"))
        for name, further in _FURTHER.items():
            self._refuse_several(name)
            chosen[further.replace("{first}", first)] = name in self.parts.asked
        pieces = [each for each, needed in chosen.items() if needed]
        return [self.names.renamed(each.strip("\n")) for each in pieces]

    def _future(self, notebook: str) -> list[str]:
        line = "from __future__ import annotations"
        if line not in self.parts.future and ("->" in notebook or "def " in notebook):
            return [line, *self.parts.future]
        return self.parts.future

    def _constants(self, ours: Sequence[str]) -> str:
        lines = []
        if any("SEED" in each for each in ours):
            lines.append(f"{self.names.mine('SEED')} = {self.subject.stored.seed}")
        if self.values.arrays:
            name = self.names.mine("DATA")
            here = f'{self.names.mine("Path")}(__file__).with_suffix(".npz")'
            lines.append(f"{name} = {self.names.mine('np')}.load({here})")
        if self.devices:
            made = {
                name: _device(name, device) for name, device in self.devices.items()
            }
            inside = ", ".join(f"{quoted(name)}: {text}" for name, text in made.items())
            lines.append(laid_out(f"{self.names.mine('BACKENDS')} = ", f"{{{inside}}}"))
        if any("EXACT" in each for each in ours):
            lines.append(f"{self.names.mine('EXACT')} = ExactEstimator()")
        if any("NOISY" in each for each in ours):
            noisy = self.values.text("noisy", sorted(self.noisy))
            lines.append(f"{self.names.mine('NOISY')} = {noisy}")
        lines.append(f"{self.names.mine('AXES')} = {{}}")
        if "backend" in self.subject.axes:
            values = self.values.text("backend", list(self.subject.axes["backend"]))
            lines[-1] = laid_out(
                f"{self.names.mine('AXES')} = ", f'{{"backend": {values}}}'
            )
        elif not self.subject.axes:
            lines.pop()
        lines.append(f"{self.names.mine('VALUES')} = {{}}")
        if "log" in self.parts.asked:
            lines.append(f"{self.names.mine('METRICS')} = {{}}")
        return "\n".join(lines)

    def _stand_in(self) -> str:
        """What answers to ``qf`` in the functions of the cell."""
        lines = []
        given = []
        if "log" in self.parts.asked:
            given.append(f"log={self.names.mine('log')}")
        given += [
            f"{name}={self.names.mine(f'further_{name}')}"
            for name in _FURTHER
            if name in self.parts.asked
        ]
        if "Failed" in self.parts.asked:
            given.append('Failed=type("Failed", (), {})')
        if given:
            inside, space = ", ".join(given), self.names.mine("SimpleNamespace")
            lines += [
                laid_out(f"{alias} = ", f"{space}({inside})")
                for alias in sorted(self.parts.aliases)
            ]
        if "display" in self.parts.asked:
            lines.append("display = print")
        return "\n".join(lines)

    def _last(self) -> str:
        shown = [step.name for step in self.subject.flow.steps if step.kind == "step"]
        main = self.names.mine("main")
        lines = [
            'if __name__ == "__main__":',
            f"    {main}()",
        ]
        if shown:
            names = ", ".join(map(quoted, shown))
            values = self.names.mine("VALUES")
            one = f"({names},)" if len(shown) == 1 else f"({names})"
            lines += [
                laid_out("for step in ", one, ":", indent="    "),
                f"        for point, value in {values}[step].items():",
                "            print(step, *point, value)",
            ]
        return "\n".join(lines)

    def _imports(self, own: str) -> str:
        lines = set(self.values.imports)
        for device in self.devices.values():
            lines |= set(device.imports)
            if device.parts:
                lines.add("import pickle")
        for name, line in NEEDED.items():
            if uses(own, mine := self.names.mine(name)):
                renamed = line if mine == name else f"{line.split(' as ')[0]} as {mine}"
                lines.add(renamed)
        theirs = dict.fromkeys(self.parts.imports)
        return sorted_imports(lines - theirs.keys(), theirs)

    def _docstring(self) -> str:
        stored, record = self.subject.stored, self.subject.record
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
        for n, name in enumerate(self.devices):
            calibrated = self.calibrated.get(name)
            date = f", calibrated {calibrated}" if calibrated else ""
            lines.append(f"{'Backends' if n == 0 else '':<10}{name}{date}")
        lines += [f"Versions  {versions}", "", *_RANDOM]
        if any(device.device for device in self.devices.values()):
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

_FURTHER = {
    "sampler": support.FURTHER_SAMPLER,
    "estimator": support.FURTHER_ESTIMATOR,
}


def _device(name: str, device: Constructor) -> str:
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
