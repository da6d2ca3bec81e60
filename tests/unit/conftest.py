"""A lab that tests of runs share, since its worker takes a second to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quantumflow_lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()
