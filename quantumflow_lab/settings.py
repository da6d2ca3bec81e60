"""Settings, from the environment (``QFLOW_*``) or a ``.env`` file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from quantumflow_lab.errors import BadOption
from quantumflow_lab.processors import processors


class Settings(BaseSettings):
    """What a person may set; every field has a default that works."""

    model_config = SettingsConfigDict(
        env_prefix="QFLOW_", env_file=".env", extra="ignore", frozen=True
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refusal(error) from None

    home: Path | None = None
    """Where runs are kept; by default the nearest ``.qflow`` folder, else user data."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Worker processes for simulation and transpiling; by default 1, in a service 2."""
    threads: int = Field(default_factory=lambda: max(4, processors()), ge=1, le=256)
    """Classical steps that may run at once."""
    memory_mb: int | None = Field(default=None, ge=256)
    """MiB each worker may take beside its own; unlimited by default, and on macOS."""
    backend: str = "aer"
    """Backend of steps that name none."""
    shots: int = Field(default=1024, ge=1)
    """Shots of sample steps that name none."""
    points: int = Field(default=1_000_000, ge=1)
    """Points that all steps of a run may have together."""
    budget: str | None = None
    """Most that a run may cost which says nothing of it, or ``unlimited``."""
    budget_session: str | None = None
    """Most that all runs of one process may cost together."""
    budget_month: str | None = None
    """Most that all runs of a home may cost in a calendar month (UTC)."""
    project: str | None = Field(default=None, min_length=1, max_length=80)
    """Project that runs are charged to in the statement of what was spent."""
    schedule_log: Path | None = None
    """File that gets all the scheduler is told, for ``qflow replay``."""
    parse_bytes: int = Field(default=16 * 2**20, ge=1)
    """Bytes of a text or file that ``read_circuit`` takes."""
    parse_qubits: int = Field(default=10_000, ge=1)
    """Qubits of a circuit that is read."""
    parse_clbits: int = Field(default=100_000, ge=1)
    """Classical bits of a circuit that is read."""
    parse_instructions: int = Field(default=1_000_000, ge=1)
    """Instructions of what is read, with gate definitions and loops expanded."""
    parse_seconds: float = Field(default=20.0, gt=0, le=86_400)
    """Processor seconds that reading one source may take."""
    parse_memory_mb: int = Field(default=1024, ge=64)
    """Memory that reading may take beside the parser's own, in MiB."""


def _refusal(error: ValidationError) -> BadOption:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    name = ".".join(str(each) for each in first["loc"])
    return BadOption(
        f"setting {name} (QFLOW_{name.upper()}) cannot be {first['input']!r}: "
        f"{first['msg'].lower()}",
        option=name,
    )
