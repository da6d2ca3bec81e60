"""A pool of one worker for all examinations of a module."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.conformance import Examination
from quantumflow_lab.doctor import practice


@pytest.fixture(scope="module")
def examined():
    """Takes a backend, gives an examination of it."""
    registry = Registry()
    with practice(registry) as examination_of:

        def examine(backend, deadline=60.0):
            name = f"{type(backend).__name__}_{id(backend):x}"
            registry.add(name, backend)
            return Examination(replace(examination_of(name).bench, deadline=deadline))

        yield examine
