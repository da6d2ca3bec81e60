"""What a person installs: sdist, the wheel built from it, an empty environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "quantumflow_lab", ROOT / "quantumflow_lab_jupyter")
DATA = ROOT / "quantumflow_lab.data"
EXTENSION = "share/jupyter/labextensions/quantumflow_lab"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BELL = """\
%%qflow bell --backend aer --shots 2000 --seed 7
from qiskit import QuantumCircuit

@qf.circuit
def pair():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.sample
def counts(pair):
    return pair

@qf.step
def parity(counts):
    n = counts.data.meas.get_counts()
    return (n.get("00", 0) + n.get("11", 0)) / 2000
"""

DRIVER = """\
import json, sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell

shell = TerminalInteractiveShell.instance()
for cell in json.load(sys.stdin):
    shell.run_cell(cell).raise_error()
"""

FROM_THE_WHEEL = """\
import quantumflow_lab._core as core
assert "site-packages" in core.__file__, core.__file__
"""

EXTENSIONS = """\
from jupyter_core.paths import jupyter_config_path, jupyter_path
from jupyter_server.extension.config import ExtensionConfigManager
from jupyterlab_server.config import get_federated_extensions

manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
server = manager.get_jpserver_extensions()
lab = get_federated_extensions(jupyter_path("labextensions"))
print(server["quantumflow_lab_jupyter"], lab["quantumflow_lab"]["version"])
"""


def run(*command: str | Path, cells: list[str] | None = None, cwd: Path = ROOT) -> str:
    """What the command prints; a failure shows all of it."""
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        input=None if cells is None else json.dumps(cells),
        env={**os.environ, "CARGO_TARGET_DIR": target, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "maturin", "sdist", "--out", out)
    (archive,) = out.iterdir()
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir"]
    run(sys.executable, "-m", "pip", "wheel", *options, out, sdist)
    (archive,) = out.iterdir()
    return archive


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment into which only the wheel was installed."""
    folder = tmp_path_factory.mktemp("env")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    pins = ["--constraint", str(ROOT / "requirements.lock")]
    run(python, "-m", "pip", "install", "--quiet", *pins, wheel)
    return python


def data_files() -> set[str]:
    """What goes to JupyterLab, from the folder of the environment."""
    data = DATA / "data"
    return {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}


def package_files() -> set[str]:
    """What the package folders hold, without what Python and Rust compiled there."""
    return {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in {".so", ".pyd"}
    }


def test_the_front_end_and_the_queries_are_part_of_the_package() -> None:
    suffixes = {Path(name).suffix for name in package_files()}
    assert suffixes >= {".py", ".pyi", ".typed", ".sql", ".js", ".css"}


def test_the_extension_of_jupyterlab_is_built() -> None:
    names = ("package.json", "static/extension.js", "static/extension.css")
    assert data_files() >= {
        "etc/jupyter/jupyter_server_config.d/quantumflow_lab.json",
        f"{EXTENSION}/schemas/quantumflow_lab/plugin.json",
        *(f"{EXTENSION}/{name}" for name in names),
    }
    package = json.loads((DATA / "data" / EXTENSION / "package.json").read_text())
    assert package["jupyterlab"]["_build"]["load"] in names


def test_the_sdist_holds_what_a_build_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    crates = {str(path.relative_to(ROOT)) for path in (ROOT / "rust").rglob("*.rs")}
    rest = {"pyproject.toml", "Cargo.toml", "Cargo.lock", "LICENSE", "README.md"}
    sources = {name for name in crates if "/src/" in name}
    data = {f"{DATA.name}/data/{name}" for name in data_files()}
    assert (package_files() | data | sources | rest) - names == set()
    assert [name for name in names if name.endswith((".so", ".pyd"))] == []


def test_the_wheel_holds_the_package_the_core_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = "quantumflow_lab-0.1.0.dist-info"
    assert names - {name for name in names if name.startswith(info)} == (
        package_files()
        | {"quantumflow_lab/_core.abi3.so"}
        | {f"quantumflow_lab-0.1.0.data/data/{name}" for name in data_files()}
    )
    assert f"{info}/licenses/LICENSE" in names
    assert f"{info}/entry_points.txt" in names
    assert "-cp311-abi3-" in wheel.name


def test_the_wheel_alone_runs_a_cell(python: Path, tmp_path: Path) -> None:
    check = "assert bell['parity'] == 1.0, bell['parity']"
    cells = [FROM_THE_WHEEL, "%load_ext quantumflow_lab", BELL, check]
    run(python, "-c", DRIVER, cells=cells, cwd=tmp_path)


def test_the_wheel_alone_brings_the_extension(python: Path) -> None:
    environment = python.parents[1]
    assert {name for name in data_files() if (environment / name).is_file()} == (
        data_files()
    )
    assert run(python, "-c", EXTENSIONS) == "True 0.1.0\n"


def test_the_first_cell_of_the_readme_runs(python: Path, tmp_path: Path) -> None:
    pins = ["--constraint", str(ROOT / "requirements.lock")]
    run(python, "-m", "pip", "install", "--quiet", *pins, "qiskit-ibm-runtime")
    cells = readme_cells()
    assert cells[-1].startswith("%%qflow")
    run(python, "-c", DRIVER, cells=cells, cwd=tmp_path)


def readme_cells() -> list[str]:
    """The Python cells of the README up to its first workflow."""
    fences = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    cells = [fence.split("```")[0] for fence in fences]
    first = next(i for i, cell in enumerate(cells) if cell.startswith("%%qflow"))
    return cells[: first + 1]
