"""Sampler and estimator for loops: plain Qiskit primitives, scheduled by the lab."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, TypeAlias, cast

from qiskit.primitives import (
    BaseEstimatorV2,
    BasePrimitiveJob,
    BaseSamplerV2,
    EstimatorPubLike,
    PrimitiveResult,
    PubResult,
    SamplerPubLike,
    SamplerPubResult,
)
from qiskit.providers import JobStatus

from quantumflow_lab.cell.options import check_name, check_value
from quantumflow_lab.errors import RunCancelled
from quantumflow_lab.ports import Stopped
from quantumflow_lab.runner.context import (
    Call,
    StepContext,
    current,
    running_context,
)
from quantumflow_lab.runner.desk import Desk

_Result: TypeAlias = PrimitiveResult[PubResult]


class LabJob(BasePrimitiveJob[_Result, JobStatus]):
    """A call of a loop step; ``result()`` gives the step's slot back while it waits."""

    def __init__(self, call: Call, handle: object):
        super().__init__(call.tag)
        self._call = call
        # A handle that nobody holds would end its run under the call.
        self._handle = handle

    def result(self) -> _Result:
        """Wait for the results, one ``PubResult`` for each PUB.

        Raises
        ------
        RunCancelled
            Outside of a step, if the call was cancelled.
        BudgetReached
            Likewise, if it might cost more than the budget of the handle leaves.
        """
        try:
            return PrimitiveResult(list(self._call.wait()))
        except Stopped:
            if running_context() is not None:
                raise  # the step is to end
            if self._call.why is not None:
                raise self._call.why from None
            raise RunCancelled("the call was cancelled", call=self.job_id()) from None
        except KeyboardInterrupt:
            self._call.cancel()
            raise

    def status(self) -> JobStatus:
        """``DONE`` once the call is answered, ``RUNNING`` before."""
        return JobStatus.DONE if self.done() else JobStatus.RUNNING

    def done(self) -> bool:
        """Whether the call is answered."""
        return self._call.done()

    def running(self) -> bool:
        """Whether the call is on its way."""
        return not self.done()

    def cancelled(self) -> bool:
        """Always False: a cancelled call ends the step that made it."""
        return False

    def in_final_state(self) -> bool:
        """Whether the call is answered."""
        return self.done()

    def cancel(self) -> None:
        """Ask for the call to be stopped."""
        self._call.cancel()


class _Handle:
    """What a sampler and an estimator have in common."""

    def __init__(
        self, place: StepContext | Desk, backend: str, options: Mapping[str, Any]
    ):
        self._place = place
        if isinstance(place, Desk):
            weakref.finalize(self, place.close)
        self._backend = backend
        for name, value in options.items():
            check_name("step", name)
            check_value(name, value)
        self._options = dict(options)

    def _call(
        self, kind: Literal["sample", "estimate"], pubs: Iterable[Any], **given: Any
    ) -> LabJob:
        """Send PUBs; what is given here goes before the handle's own options."""
        given = {name: value for name, value in given.items() if value is not None}
        options, place = {**self._options, **given}, self._place
        if isinstance(place, Desk):
            call = place.call(kind, self._backend, list(pubs), options)
            return LabJob(call, self)
        call = place.port.call(place, kind, self._backend, list(pubs), options)
        return LabJob(call, self)

    def close(self) -> None:
        """End the run that calls outside of a step belong to; the next begins one."""
        if isinstance(self._place, Desk):
            self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class LabEstimator(_Handle, BaseEstimatorV2):
    """A ``BaseEstimatorV2`` whose calls go through the lab's scheduler.

    Parameters
    ----------
    place
        The step it belongs to, or a desk for calls outside of any.
    backend
        Name of a registered backend.
    options
        ``precision`` of PUBs that bring none, transpile and run options.

    See Also
    --------
    qiskit.primitives.BaseEstimatorV2
    """

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> BasePrimitiveJob[_Result, JobStatus]:
        """Estimate expectation values, as any ``BaseEstimatorV2``."""
        return self._call("estimate", pubs, precision=precision)


class LabSampler(_Handle, BaseSamplerV2):
    """A ``BaseSamplerV2`` whose calls go through the lab's scheduler.

    Parameters
    ----------
    place
        The step it belongs to, or a desk for calls outside of any.
    backend
        Name of a registered backend.
    options
        ``shots`` of PUBs that bring none, transpile and run options.

    See Also
    --------
    qiskit.primitives.BaseSamplerV2
    """

    def run(
        self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None
    ) -> BasePrimitiveJob[PrimitiveResult[SamplerPubResult], JobStatus]:
        """Sample circuits, as any ``BaseSamplerV2``."""
        return cast(
            "BasePrimitiveJob[PrimitiveResult[SamplerPubResult], JobStatus]",
            self._call("sample", pubs, shots=shots),
        )


def estimator(backend: str | None = None, **options: Any) -> LabEstimator:
    """A further estimator inside a loop step, say an exact one beside a noisy one.

    Parameters
    ----------
    backend
        Name of a backend; the step's own by default.
    **options
        ``precision`` (0 is exact on simulators), ``optimization_level``, ``transpile``,
        ``options``.

    Raises
    ------
    NotInStep
        Outside a running step.
    """
    context = current("qf.estimator()")
    return LabEstimator(context, backend or context.backend, options)


def sampler(backend: str | None = None, **options: Any) -> LabSampler:
    """A further sampler inside a loop step.

    Parameters
    ----------
    backend
        Name of a backend; the step's own by default.
    **options
        ``shots``, ``optimization_level``, ``transpile``, ``options``.

    Raises
    ------
    NotInStep
        Outside a running step.
    """
    context = current("qf.sampler()")
    return LabSampler(context, backend or context.backend, options)
