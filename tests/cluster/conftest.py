"""A cluster of two processes, one for all tests of this folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from distributed import Client, LocalCluster

from quantumflow_lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A worker that is killed, and one whose scheduler closes first, are logged as errors.
logging.getLogger("distributed").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def local_cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster


@pytest.fixture
def client(local_cluster: LocalCluster) -> Iterator[Client]:
    """The current client, with both workers."""
    with Client(local_cluster) as client:
        client.wait_for_workers(2, timeout=30)
        yield client


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()
