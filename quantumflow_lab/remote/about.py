"""What a service says of itself, and whether one can work with it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from quantumflow_lab.errors import ServiceDiffers, TokenRefused


@dataclass(frozen=True, slots=True)
class Versions:
    """What decides whether values can be exchanged."""

    package: str
    python: str
    """Major and minor."""
    qiskit: str

    @classmethod
    def ours(cls) -> Versions:
        """Of this process."""
        return cls(
            version("quantumflow-lab"),
            ".".join(platform.python_version_tuple()[:2]),
            version("qiskit"),
        )


@dataclass(frozen=True, slots=True)
class About:
    """A service, and what its token may do there."""

    versions: Versions
    token: str
    """Name of the token."""
    scopes: tuple[str, ...]
    expires: float | None
    """Seconds since 1970; None for never."""
    code: bool
    """Whether cells can be sent."""
    body_bytes: int
    """Most bytes that the service takes at once."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> About:
        """Read an answer.

        Raises
        ------
        ServiceDiffers
            If it is not as expected.
        """
        try:
            return cls(
                Versions(said["version"], said["python"], said["qiskit"]),
                said["token"],
                tuple(said["scopes"]),
                said["expires"],
                said["code"],
                said["body_bytes"],
            )
        except (KeyError, TypeError) as error:
            raise ServiceDiffers(
                f"the service does not say {error} of itself; install the version of "
                "quantumflow-lab here that it has"
            ) from error

    def lacks(self) -> str | None:
        """Why no cell can be sent, with what to ask for; None if they can."""
        for scope in ("run", "code"):
            if scope not in self.scopes:
                return (
                    f"token '{self.token}' may not send cells: it lacks the scope "
                    f"'{scope}'; ask the service's operator for one made by qflow "
                    "token create NAME --scope read --scope run --scope code"
                )
        if not self.code:
            return (
                "this service takes declared workflows, not the Python of cells; its "
                "operator may start it with --allow-code"
            )
        return None

    def refuse_cell(self) -> None:
        """Refuse to send a cell that would not be taken.

        Raises
        ------
        TokenRefused
            With what to ask for.
        """
        if (why := self.lacks()) is not None:
            raise TokenRefused(why)

    def ends(self) -> str:
        """When the token expires, for people."""
        if self.expires is None:
            return "never"
        return datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")


def refuse_other(service: Versions, ours: Versions) -> None:
    """Refuse a service that means other things by the same words.

    Until 1.0 a minor version may break, then a major one.

    Raises
    ------
    ServiceDiffers
        With what to install.
    """
    if _line(service.package) != _line(ours.package):
        raise ServiceDiffers(
            f"the service has quantumflow-lab {service.package}, this is "
            f"{ours.package}; type pip install 'quantumflow-lab=={service.package}' "
            "and restart the kernel"
        )


def differences(service: Versions, ours: Versions) -> list[str]:
    """What is not the same, where it may matter, one line each.

    Examples
    --------
    >>> there, here = Versions("1.0", "3.12", "2.1"), Versions("1.0", "3.11", "2.1")
    >>> differences(there, here)
    ['Python is 3.12 there, 3.11 here: code runs by its rules']
    """
    found = []
    if service.python != ours.python:
        there, here = service.python, ours.python
        found.append(f"Python is {there} there, {here} here: code runs by its rules")
    if service.qiskit != ours.qiskit:
        there, here = service.qiskit, ours.qiskit
        found.append(
            f"Qiskit is {there} there, {here} here: circuits and counts may differ"
        )
    if service.package != ours.package:
        there, here = service.package, ours.package
        found.append(f"quantumflow-lab is {there} there, {here} here")
    return found


def _line(text: str) -> tuple[str, ...]:
    """The versions that go together."""
    parts = text.split(".")
    return tuple(parts[: 2 if parts[0] == "0" else 1])
