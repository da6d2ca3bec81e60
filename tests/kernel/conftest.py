"""Kernels on a home of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.driver import Kernel


@pytest.fixture
def start_kernel(home: Path, tmp_path: Path) -> Iterator[Callable[[], Kernel]]:
    """Starts kernels on the home of this test."""
    kernels: list[Kernel] = []

    def start() -> Kernel:
        kernels.append(Kernel(dict(os.environ), tmp_path))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def kernel(start_kernel: Callable[[], Kernel]) -> Kernel:
    """A kernel with the extension loaded."""
    started = start_kernel()
    loaded = started.run("%load_ext quantumflow_lab")
    assert loaded.status == "ok", loaded.traceback
    return started
