"""Environments beside ours, and backends in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab import EnvironmentBackend, Lab
from quantumflow_lab.emulate.braket import service, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quantumflow_lab.emulate.braket import Service

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def environment(name: str) -> Path:
    """A folder that ``make side`` has made: skipped at home, demanded in CI."""
    folder = ROOT / f".venv-{name}"
    if not (folder / ".packages").exists():
        reason = f"no environment {folder.name}: type make side"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def adonis() -> EnvironmentBackend:
    """Five qubits of IQM, simulated with noise; its client pins Qiskit below 2.2."""
    return EnvironmentBackend(environment("iqm"), "iqm.qiskit_iqm:IQMFakeAdonis")


@pytest.fixture(scope="session")
def braket() -> EnvironmentBackend:
    """Braket's local state vector; its SDK pins cloudpickle 2.2.1."""
    factory = "qiskit_braket_provider:BraketLocalBackend"
    return EnvironmentBackend(environment("braket"), factory, simulator=True)


@pytest.fixture(scope="session")
def amazon_environment() -> Path:
    """Where Amazon's SDK is installed."""
    return environment("braket")


@pytest.fixture(scope="session")
def amazon_service() -> Iterator[Service]:
    """Amazon's service on loopback, to which the environment variables lead."""
    with service() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in variables(found.url).items():
            patch.setenv(name, value)
        yield found


@pytest.fixture(scope="session")
def amazon_backend(
    amazon_environment: Path, amazon_service: Service
) -> Callable[[str], EnvironmentBackend]:
    """Makes a backend of a device of the service, by its name."""
    factory = "qiskit_braket_provider:BraketProvider"
    return lambda name: EnvironmentBackend(amazon_environment, factory, backend=name)


@pytest.fixture(scope="session")
def qpu(amazon_backend: Callable[[str], EnvironmentBackend]) -> EnvironmentBackend:
    """Five noisy qubits of Amazon's service."""
    return amazon_backend("Emulated")


@pytest.fixture
def amazon(amazon_service: Service) -> Service:
    """The same, without tasks and faults."""
    for kept in (
        *(amazon_service.trouble, amazon_service.habits, amazon_service.tasks),
        *(amazon_service.tokens, amazon_service.submits, amazon_service.sizes),
    ):
        kept.clear()
    return amazon_service


@pytest.fixture(scope="session")
def sdk(
    amazon_environment: Path, amazon_service: Service
) -> Iterator[Callable[[str], object]]:
    """Runs lines in the SDK's environment; what they call ``said``, or their error."""
    with subprocess.Popen(
        [amazon_environment / "bin" / "python", HERE / "amazon.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run(code: str) -> object:
            print(json.dumps(code), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())["said"]

        yield run
        process.stdin.close()


@pytest.fixture
def habitual(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., EnvironmentBackend]:
    """Makes backends of ``provider.py``, in another process of this interpreter."""
    monkeypatch.chdir(HERE)

    def make(habit: str = "none", **options: object) -> EnvironmentBackend:
        arguments = {"habit": habit, "marks": str(tmp_path / "marks")}
        return EnvironmentBackend(
            sys.executable, "provider:Backend", arguments=arguments, **options
        )

    return make


@pytest.fixture
def keeper(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[], EnvironmentBackend]:
    """Makes a backend there whose jobs outlive its process."""
    monkeypatch.chdir(HERE)
    arguments = {"marks": str(tmp_path / "marks")}
    return lambda: EnvironmentBackend(
        sys.executable, "provider:Keeper", arguments=arguments
    )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()
