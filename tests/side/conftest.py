"""Environments beside ours, and backends in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab import EnvironmentBackend, Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
