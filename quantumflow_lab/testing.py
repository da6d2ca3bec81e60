"""The conformance suite as pytest tests, for authors of backends.

Needs pytest, which the lab itself does not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

import pytest

from quantumflow_lab.backends.conformance import (
    CHECKS,
    Examination,
    Verdict,
    check_called,
)
from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.doctor import practice

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

__all__ = ["BackendConformance"]


class BackendConformance:
    """One test for each check; derive from it and say how the backend is made.

    Examples
    --------
    >>> class TestMyBackend(BackendConformance):
    ...     @staticmethod
    ...     def make_backend():
    ...         from qiskit_aer import AerSimulator
    ...
    ...         return AerSimulator()
    """

    deadline: ClassVar[float] = 60.0
    """Seconds that one job may take before it counts as hanging."""
    known: ClassVar[dict[str, str]] = {}
    """Checks that are known to fail, and why: these are expected to."""
    _examination: ClassVar[Examination]
    _open: ClassVar[ExitStack]

    @staticmethod
    def make_backend() -> BackendV2:
        """The backend under test; called once for the class."""
        raise NotImplementedError("define make_backend() in the test class")

    @classmethod
    def setup_class(cls) -> None:
        """Start a worker process for the tests of this class."""
        for name in cls.known:
            check_called(name)
        registry = Registry()
        registry.add(cls.__name__, cls.make_backend())
        cls._open = ExitStack()
        examination_of = cls._open.enter_context(practice(registry, cls.deadline))
        cls._examination = examination_of(cls.__name__)

    @classmethod
    def teardown_class(cls) -> None:
        """Stop the worker."""
        cls._open.close()

    @pytest.mark.parametrize("check", [check.name for check in CHECKS])
    def test_conforms(
        self, check: str, record_property: Callable[[str, object], None]
    ) -> None:
        """The check passes; a note goes into the XML report."""
        finding = self._examination.find(check)
        text = f"{check}: {finding.answer.text}"
        if check in self.known:
            assert finding.verdict is Verdict.FAIL, f"{text} (known to fail, but)"
            pytest.xfail(f"{text} ({self.known[check]})")
        if finding.verdict is Verdict.FAIL:
            pytest.fail(f"{text}\nto do: {finding.check.remedy}", pytrace=False)
        if finding.verdict is Verdict.SKIPPED:
            pytest.skip(text)
        record_property(finding.verdict.value, text)
