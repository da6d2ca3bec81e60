"""What is known of a backend before anything is sent to it."""

from __future__ import annotations

from dataclasses import dataclass

from quantumflow_lab.errors import BadOption
from quantumflow_lab.ports.terms import Mode
from quantumflow_lab.price import Price

_MOST = 2**31 - 1
_SLOWEST, _FASTEST = 1e-3, 6e6
"""Jobs a minute."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a backend lets one do at once; None for no limit."""

    open_jobs: int | None = None
    """Jobs that may be queued or running."""
    jobs_per_minute: float | None = None
    """Submits in a minute, in the long run; a few may come at once."""
    circuits: int | None = None
    """Circuits in one job."""
    shots: int | None = None
    """Shots in one job, over all its circuits."""
    payload: int | None = None
    """Bytes of circuits (as QPY) and parameter values in one job."""

    def __post_init__(self) -> None:
        for name in ("open_jobs", "circuits", "shots", "payload"):
            given = getattr(self, name)
            whole = isinstance(given, int | float) and given == given // 1
            if given is not None and not (whole and 1 <= given <= _MOST):
                raise BadOption(
                    f"{name} of a limit must be a whole number from 1 to {_MOST}, "
                    f"not {given!r}"
                )
            object.__setattr__(self, name, None if given is None else int(given))
        rate = self.jobs_per_minute
        known = isinstance(rate, int | float) and not isinstance(rate, bool)
        if rate is not None and not (known and _SLOWEST <= rate <= _FASTEST):
            raise BadOption(
                f"jobs_per_minute must be a number from {_SLOWEST} to {_FASTEST}, "
                f"not {rate!r}"
            )


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """What the lab knows of a backend before it submits anything."""

    name: str
    """Name under which the lab knows it, such as ``fake_manila``."""
    key: str
    """Content key: equal for two backends only if they are the same."""
    num_qubits: int | None
    """Width of the device, or None if the backend does not say."""
    simulator: bool
    """True if shots are simulated on this machine."""
    exact: bool
    """True if ``precision=0`` has a meaning: expectation values without shot noise."""
    noisy: bool
    """True if results carry device noise, real or modelled."""
    operations: frozenset[str]
    """Names of the instructions the target takes."""
    max_shots: int
    """Most shots one circuit may ask for."""
    max_circuits: int
    """Most circuits in one job."""
    options: frozenset[str]
    """Names of the run options the backend understands; others are refused."""
    portable: bool
    """True if it can be rebuilt in a worker process; else it runs in the kernel."""
    calibrated: str | None = None
    """Date of the calibration data, ISO 8601, where the device has any."""
    price: Price | None = None
    """What it costs; None for free on a simulator, and for unknown elsewhere."""
    billed: bool = False
    """True if somebody bills it, even if its price is unknown."""
    limits: Limits = Limits()
    """What its provider lets one do at once."""
    rep_delay_s: float | None = None
    """Seconds between two shots, if the backend says so."""
    modes: tuple[Mode, ...] = ("job",)
    """How it takes jobs."""

    @property
    def local(self) -> bool:
        """True if it only shares the workers of this machine with its likes."""
        return self.simulator and self.limits == Limits()
