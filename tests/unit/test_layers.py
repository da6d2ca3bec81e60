"""Who may import whom: the table of docs/architecture.md, held by reading the imports.

A layer is a few modules or a folder directly under ``quantumflow_lab``. Everything may
import ``errors``; otherwise a layer imports itself, what its row names, and no more.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
ROOT = REPOSITORY / "quantumflow_lab"
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"


@dataclass(frozen=True, slots=True)
class Layer:
    """A row of the table."""

    modules: str
    """Modules and folders that are this layer."""
    may: str = ""
    """Layers it may import, beside itself and ``errors``."""


LAYERS = {
    "errors": Layer("errors"),
    "amounts": Layer("amounts price work"),
    "clock": Layer("clock"),
    "processors": Layer("processors"),
    "settings": Layer("settings", "processors"),
    "workflow": Layer("workflow document dims"),
    "grid": Layer("grid"),
    "delays": Layer("delays"),
    "colours": Layer("colours intervals"),
    "codec": Layer("codec written", "delays"),
    "fingerprint": Layer("fingerprint", "codec"),
    "cell": Layer("cell", "workflow fingerprint amounts"),
    "edit": Layer("edit", "workflow cell"),
    "prices": Layer("prices", "amounts"),
    "ports": Layer("ports", "workflow amounts"),
    "core": Layer("core placement _core _fallback _fallback_journal _words"),
    "planning": Layer("planning", "workflow grid fingerprint cell ports core amounts"),
    "graph": Layer("graph", "core processors"),
    "runner": Layer(
        "runner primitives",
        "workflow grid codec fingerprint cell ports planning core amounts",
    ),
    "backends": Layer("backends", "delays fingerprint ports amounts prices core"),
    "sources": Layer("sources", "delays"),
    "workers": Layer("workers", "delays ports core backends processors sources"),
    "cluster": Layer("cluster", "ports core backends runner workers"),
    "reading": Layer("reading", "delays settings sources workers"),
    "store": Layer("store", "codec ports core amounts"),
    "charts": Layer("charts", "workflow ports colours"),
    "widgets": Layer("widgets", "workflow ports colours"),
    "compare": Layer("compare", "workflow fingerprint widgets"),
    "emulate": Layer("emulate", "reading"),
    "doctor": Layer("doctor testing", "ports backends workers widgets"),
    "run": Layer(
        "run stored takeup closing hearing tables figures meant evidence listing "
        "forgetting",
        "workflow grid cell ports planning runner store charts widgets compare amounts "
        "clock",
    ),
    "quote": Layer("quote", "amounts planning ports runner charts widgets"),
    "launch": Layer(
        "launch",
        "clock settings workflow cell fingerprint amounts planning ports runner "
        "backends workers cluster store run quote",
    ),
    "remote": Layer(
        "remote",
        "workflow grid codec fingerprint cell planning runner run quote widgets "
        "amounts settings",
    ),
    "export": Layer("export", "workflow grid codec cell backends store run widgets"),
}
"""From the bottom to the top: a layer names only layers above it in this list."""

FACES = (
    *("lab", "connected", "composer", "explore", "sidebar", "magics", "service", "cli"),
    *("__main__", "__init__"),
)
"""The composition root and what stands above it: these may import every part."""

OWNERS: dict[str, str] = {
    "subprocess": "workers",
    "multiprocessing": "workers",
    "concurrent.futures.process": "workers",
    "concurrent.futures.ProcessPoolExecutor": "workers",
    "duckdb": "store",
    "qiskit_aer": "backends emulate",
    "qiskit_ibm_runtime": "backends emulate",
    "qiskit.transpile": "backends emulate",
    "qiskit.transpiler": "backends",
    "qiskit.compiler": "backends",
    "IPython": "composer magics cli __init__",
    "ipykernel": "magics cli",
    "dask": "graph",
    "fastapi": "service",
    "starlette": "service",
    "uvicorn": "service",
    "structlog": "service",
    "prometheus_client": "service",
    "distributed": "cluster",
}
"""What only some parts may import."""

STDLIB_ONLY = ("errors", "workflow", "amounts")
"""Layers that need nothing but Python."""

EXCEPTIONS = {("workflow", "quantumflow_lab.cell.read_cell")}
"""`Workflow.from_source` is the front door of `cell`, which makes workflows."""

LAYER_OF = {
    module: name for name, layer in LAYERS.items() for module in layer.modules.split()
}


def part_of(path: Path) -> str:
    """The module or folder a file belongs to: ``backends`` for ``backends/aer.py``."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Each module a file imports, and each name it takes from one, dotted."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom():
                yield "."
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="__import__"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def faults(part: str, source: str) -> list[str]:
    """What a file of ``part`` imports and may not."""
    return [
        f"{part} imports {name}"
        for name in imported(ast.parse(source))
        if not (may_import_ours(part, name) and may_import_theirs(part, name))
    ]


def may_import_ours(part: str, name: str) -> bool:
    if name == ".":
        return False
    if not within(name, "quantumflow_lab") or part in FACES or is_magics(part):
        return True
    if (part, name) in EXCEPTIONS:
        return True
    layer = LAYER_OF.get(part)
    other = LAYER_OF.get(name.split(".")[1] if "." in name else "")
    return other is not None and other in {layer, "errors", *may(layer)}


def may(layer: str | None) -> list[str]:
    return LAYERS[layer].may.split() if layer else []


def may_import_theirs(part: str, name: str) -> bool:
    top = name.split(".")[0]
    if LAYER_OF.get(part) in STDLIB_ONLY and top != "quantumflow_lab":
        return top in sys.stdlib_module_names
    owners = [who for what, who in OWNERS.items() if within(name, what)]
    layer = "magics" if is_magics(part) else LAYER_OF.get(part, part)
    return all(layer in who.split() for who in owners)


def is_magics(part: str) -> bool:
    return part.startswith("magics")


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_layer_may(path: Path) -> None:
    assert faults(part_of(path), path.read_text(encoding="utf-8")) == []


def test_every_part_stands_in_the_table() -> None:
    parts = {part_of(path) for path in FILES}
    assert {p for p in parts - {*LAYER_OF, *FACES} if not is_magics(p)} == set()


def test_a_layer_names_only_layers_above_it() -> None:
    seen: list[str] = []
    for name, layer in LAYERS.items():
        assert [other for other in layer.may.split() if other not in seen] == [], name
        seen.append(name)


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("workflow", "import numpy"),
        ("workflow", "from quantumflow_lab.ports import Member"),
        ("errors", "from qiskit import QuantumCircuit"),
        ("cell", "from quantumflow_lab.runner.runner import Runner"),
        ("store", "import quantumflow_lab"),
        ("store", "from quantumflow_lab import Lab"),
        ("ports", "from . import errors"),
        ("runner", "from qiskit import QuantumCircuit, transpile"),
        ("runner", "from qiskit.transpiler import generate_preset_pass_manager"),
        ("planning", "def f():\n    import qiskit_aer"),
        ("store", "from qiskit_ibm_runtime.fake_provider import FakeManilaV2"),
        ("store", "import importlib\nimportlib.import_module('qiskit_aer')"),
        ("runner", "import subprocess"),
        ("backends", "from concurrent.futures import ProcessPoolExecutor"),
        ("lab", "import duckdb"),
        ("explore", "import duckdb"),
        ("explore", "from IPython.display import display"),
        ("widgets", "from IPython.display import display"),
        ("lab", "import ipykernel"),
        ("cli", "import fastapi"),
        ("workers", "from dask.distributed import Client"),
    ],
)
def test_a_forbidden_import_is_noticed(part: str, source: str) -> None:
    assert len(faults(part, source)) == 1


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("workflow", "import ast"),
        ("backends", "from qiskit import transpile"),
        ("workers", "import subprocess"),
        ("store", "import duckdb"),
        ("magics_complete", "from IPython.core.magic import magics_class"),
        ("runner", "from qiskit.primitives import PubResult"),
        ("runner", "from quantumflow_lab.errors import StepFailed"),
        ("cli", "from quantumflow_lab import Lab"),
    ],
)
def test_an_allowed_import_passes(part: str, source: str) -> None:
    assert faults(part, source) == []


def words(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split()) or "—"


def owned(layer: str) -> str:
    return " ".join(what for what, who in OWNERS.items() if layer in who.split())


def table() -> str:
    """The layers as Markdown, as docs/architecture.md prints them."""
    lines = ["| layer | modules | may import | alone may import |", "|---|---|---|---|"]
    for name, layer in LAYERS.items():
        cells = (words(layer.modules), words(layer.may), words(owned(name)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name in FACES[:-2]:
        lines.append(f"| {name} | `{name}` | every layer | {words(owned(name))} |")
    return "\n".join(lines) + "\n"


def page() -> tuple[str, str, str]:
    """The architecture page: before the table, the table, after it."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    before, start, rest = text.partition("<!-- layers -->\n")
    printed, end, after = rest.partition("<!-- end of layers -->")
    return before + start, printed, end + after


def test_the_architecture_page_prints_this_table() -> None:
    hint = "refresh the page: python tests/unit/test_layers.py"
    assert page()[1] == table(), hint


if __name__ == "__main__":
    before, _, after = page()
    ARCHITECTURE.write_text(before + table() + after, encoding="utf-8")
