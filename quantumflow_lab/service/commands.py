"""``qflow serve`` and ``qflow token``: what they take, and what they print."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quantumflow_lab.errors import BadOption
from quantumflow_lab.settings import Settings
from quantumflow_lab.store import find_home

SCOPES = ("read", "run", "code", "metrics")
FLAGS = {
    "host": "address to listen on (127.0.0.1)",
    "port": "port to listen on (8321); 0 for any that is free",
    "certificate": "PEM file of the certificate, to speak TLS",
    "key": "PEM file of its key",
    "log_file": "file of the log, rotated; without it, standard output",
    "hosts": "values of Host that are answered, with commas between them",
}


def add(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to those of ``qflow``."""
    serving = command(commands, "serve", _serve, "serve the lab over HTTP")
    for name, about in FLAGS.items():
        serving.add_argument(f"--{name.replace('_', '-')}", dest=name, help=about)
    for name, about in (
        ("allow_code", "take Python from tokens that have the scope code"),
        ("behind_proxy", "a proxy in front speaks TLS"),
    ):
        flag = f"--{name.replace('_', '-')}"
        serving.add_argument(
            flag, dest=name, action="store_const", const=True, help=about
        )
    purpose = "make, list and revoke the tokens of qflow serve"
    token = commands.add_parser("token", help=purpose, description=purpose)
    acts = token.add_subparsers(required=True, metavar="WHAT")
    create = command(acts, "create", _create, "make a token, and show it once")
    create.add_argument("name", help="whose it is")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        help=f"what it is for: {', '.join(SCOPES)}; may be given several times",
    )
    create.add_argument(
        "--expires", default="90d", metavar="WHEN", help="a duration, or never (90d)"
    )
    command(acts, "list", _list, "list the tokens; nobody can show their secrets")
    revoke = command(acts, "revoke", _revoke, "let a token be good for nothing")
    revoke.add_argument("name", help="its name or its id")


def _serve(arguments: argparse.Namespace, _: list[str]) -> int:
    try:
        from quantumflow_lab.service.serving import serve
        from quantumflow_lab.service.settings import ServiceSettings
    except ModuleNotFoundError as error:
        raise BadOption(
            f"qflow serve needs {error.name}: type pip install "
            "'quantumflow-lab[service]'"
        ) from error
    names = (*FLAGS, "allow_code", "behind_proxy")
    given = {name: getattr(arguments, name) for name in names}
    return serve(
        ServiceSettings(**{name: v for name, v in given.items() if v is not None})
    )


def _create(arguments: argparse.Namespace, _: list[str]) -> int:
    made = _tokens().create(arguments.name, arguments.scope, arguments.expires)
    print(made.text)
    return 0


def _list(_: argparse.Namespace, __: list[str]) -> int:
    for token in _tokens().all():
        scopes = ",".join(token.scopes)
        print(f"{token.id}  {token.name:<20}  {scopes:<22}  {_when(token.expires)}")
    return 0


def _revoke(arguments: argparse.Namespace, _: list[str]) -> int:
    token = _tokens().revoke(arguments.name)
    print(f"{token.name} ({token.id}) is good for nothing any more")
    return 0


def _tokens() -> Any:
    from quantumflow_lab.service.tokens import TokenFile

    home: Path = find_home(Settings().home)
    return TokenFile(home)


def _when(moment: float | None) -> str:
    if moment is None:
        return "never expires"
    day = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"expires {day}"
