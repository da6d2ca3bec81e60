"""What an operator may set: ``QFLOW_SERVICE_*``, or a ``.env`` file."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from quantumflow_lab.errors import BadOption
from quantumflow_lab.sources.limits import Limits

PREFIX = "QFLOW_SERVICE_"

Names = Annotated[tuple[str, ...], NoDecode]
"""Several names with commas between them."""


class ServiceSettings(BaseSettings):
    """Every field has a default that is safe."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refusal(error) from None

    host: str = "127.0.0.1"
    """Address to listen on; any other than loopback needs tokens and TLS."""
    port: int = Field(default=8321, ge=0, le=65_535)
    """Port to listen on; 0 for any that is free."""
    certificate: Path | None = None
    """PEM file of the certificate, to speak TLS."""
    key: Path | None = None
    """PEM file of its key."""
    behind_proxy: bool = False
    """A proxy in front speaks TLS; its ``X-Forwarded-For`` is believed."""
    proxies: str = "127.0.0.1"
    """Addresses of proxies that are believed, with commas between them."""
    allow_code: bool = False
    """Take Python from tokens with the scope ``code``: it runs as this user."""
    hosts: Names = ("localhost", "127.0.0.1", "[::1]")
    """Values of ``Host`` that are answered, without port; ``*.`` for what is below."""
    origins: Names = ()
    """Web pages that may call from a browser, such as ``https://lab.example.org``."""
    backends: Names = ()
    """Backends that may be used; all that the lab lists, if empty."""
    reads_per_minute: int = Field(default=1200, ge=1)
    """Requests that read, for each token and route."""
    submits_per_minute: int = Field(default=120, ge=1)
    """Requests that start, quote or stop something, for each token and route."""
    failures_per_minute: int = Field(default=20, ge=1)
    """Requests with a wrong token, for each address."""
    body_bytes: int = Field(default=2 * 2**20, ge=1024)
    """Most bytes of a request."""
    request_seconds: float = Field(default=60.0, gt=0, le=3600)
    """Until an answer has to begin."""
    quote_seconds: float = Field(default=20.0, gt=0, le=600)
    """That a quote may take; what is not found out by then is unknown."""
    connections: int = Field(default=512, ge=1)
    """Requests in progress at once, streams among them."""
    streams: int = Field(default=16, ge=1)
    """Streams of events at once, for each token."""
    live_runs: int = Field(default=64, ge=1)
    """Runs that may go on at once."""
    saved_workflows: int = Field(default=10_000, ge=1)
    """Workflows that are kept."""
    circuits: int = Field(default=64, ge=1)
    """Circuits of one declared workflow."""
    qubits: int = Field(default=128, ge=1)
    """Qubits of a circuit."""
    instructions: int = Field(default=100_000, ge=1)
    """Instructions of a circuit, with gate definitions and loops expanded."""
    parse_seconds: float = Field(default=10.0, gt=0, le=600)
    """Processor seconds that reading one circuit may take."""
    parse_memory_mb: int = Field(default=1024, ge=64)
    """Memory that reading may take beside the parser's own, in MiB."""
    points: int = Field(default=10_000, ge=1)
    """Points of a declared step: what its axes multiply to."""
    shots: int = Field(default=1_000_000, ge=1)
    """Shots of a circuit."""
    step_seconds: float = Field(default=600.0, gt=0)
    """Work of each point of a declared step that names no timeout."""
    drain_seconds: float = Field(default=20.0, ge=0, le=3600)
    """After SIGTERM, until runs that go on are left to be taken up later."""
    take_up: bool = True
    """Go on at the start with runs that an earlier service has left."""
    log_file: Path | None = None
    """File of the log, rotated; standard output if there is none."""
    log_bytes: int = Field(default=10 * 2**20, ge=1024)
    """Bytes after which the file of the log is rotated."""
    log_files: int = Field(default=5, ge=1, le=1000)
    """Rotated files that are kept."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Least level that is logged: debug, info, warning or error."""

    @field_validator("hosts", "origins", "backends", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(each.strip() for each in value.split(",") if each.strip())

    @field_validator("origins")
    @classmethod
    def _no_star(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError("name each origin; '*' would let any web page call")
        return value

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def parsing(self) -> Limits:
        """What a circuit of a request may be, and what reading it may take."""
        return Limits(
            size=self.body_bytes,
            qubits=self.qubits,
            clbits=8 * self.qubits,
            instructions=self.instructions,
            seconds=self.parse_seconds,
            memory_mb=self.parse_memory_mb,
        )


def _refusal(error: ValidationError) -> BadOption:
    first = error.errors()[0]
    name = ".".join(str(each) for each in first["loc"])
    return BadOption(
        f"setting {name} ({PREFIX}{name.upper()}) cannot be {first['input']!r}: "
        f"{first['msg'].removeprefix('Value error, ').lower()}",
        option=name,
    )
