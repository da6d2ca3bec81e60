"""``%qflow connect`` and ``disconnect``: which lab the cells of a notebook run in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from getpass import getpass

from quantumflow_lab import connected
from quantumflow_lab.errors import MagicLineError, NoService, did_you_mean
from quantumflow_lab.magics.table import Table
from quantumflow_lab.remote.lab import RemoteLab

INSECURE = "--insecure"


def connected_table(words: Sequence[str]) -> Table:
    """Connect to the service that words name, or tell where one is connected.

    Raises
    ------
    MagicLineError
        With what to type instead.
    ServiceError
        If it cannot be used.
    """
    flags = [word for word in words if word.startswith("-")]
    urls = [word for word in words if not word.startswith("-")]
    for flag in flags:
        if flag.startswith("--token"):
            raise MagicLineError(
                "a token on this line is kept by the history of the notebook: revoke "
                "this one, and leave it out; you are asked for it, or set QFLOW_TOKEN"
            )
        if flag != INSECURE:
            raise MagicLineError(
                f"%qflow connect has no option {flag}{did_you_mean(flag, [INSECURE])}"
            )
    if len(urls) > 1:
        raise MagicLineError("write %qflow connect URL, with one URL")
    if urls:
        return _about(
            connected.connect(urls[0], insecure=INSECURE in flags, ask=_asked)
        )
    service = connected.service()
    return _here() if service is None else _about(service)


def left_table() -> Table:
    """Go back to the lab of this process.

    Raises
    ------
    NoService
        If nothing is connected.
    """
    left = connected.disconnect()
    if left is None:
        raise NoService("no service is connected; %qflow connect URL connects one")
    return Table.of(
        [
            {"of": "left", "is": f"{left.url}; its runs go on there"},
            {"of": "lab", "is": "of this process"},
        ]
    )


def told() -> Mapping[str, str]:
    """A row of ``%qflow config``."""
    service = connected.service()
    where = "the lab of this process" if service is None else service.url
    return {"setting": "cells run in", "value": where}


def _asked() -> str:
    """Ask for the token, unseen; where nobody can be asked there is none."""
    try:
        return getpass("token of the service: ")
    # A front end without input says so by an error of its own.
    except (EOFError, NotImplementedError, RuntimeError):
        return ""


def _here() -> Table:
    return Table.of([{"of": "lab", "is": "of this process; no service is connected"}])


def _about(service: RemoteLab) -> Table:
    about = service.about
    rows = [
        {"of": "service", "is": service.url},
        {"of": "version", "is": about.versions.package},
        {"of": "token", "is": f"{about.token}, until {about.ends()}"},
        {"of": "may", "is": ", ".join(about.scopes)},
        {"of": "cells", "is": about.lacks() or "run there"},
        *({"of": "differs", "is": line} for line in service.differences()),
    ]
    return Table.of(rows)
