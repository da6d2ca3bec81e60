"""Settings, from the environment (``QFLOW_*``) or a ``.env`` file."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a person may set; every field has a default that works."""

    model_config = SettingsConfigDict(
        env_prefix="QFLOW_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path | None = None
    """Where runs are kept; by default the nearest ``.qflow`` folder, else user data."""
    workers: int = Field(default=1, ge=1, le=256)
    """Worker processes for simulation and transpiling."""
    threads: int = Field(
        default_factory=lambda: max(4, os.cpu_count() or 1), ge=1, le=256
    )
    """Classical steps that may run at once."""
    memory_mb: int | None = Field(default=None, ge=256)
    """Address space each worker may use, in MiB; unlimited by default."""
    backend: str = "aer"
    """Backend of steps that name none."""
    shots: int = Field(default=1024, ge=1)
    """Shots of sample steps that name none."""
    schedule_log: Path | None = None
    """File that gets all the scheduler is told, for ``qflow replay``."""
