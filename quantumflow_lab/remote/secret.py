"""Where the token of a service is found; it is never shown, nor kept by us."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from quantumflow_lab.errors import TokenRefused

VARIABLE = "QFLOW_TOKEN"
FILE = "remote-tokens.json"
"""In the home: ``{"https://lab.example.org": "qfl_…"}``, for its owner alone."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A token that does not show itself: not in a repr, a traceback or a pickle."""

    text: str

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a token is not pickled")


def find_token(
    url: str,
    home: Path,
    *,
    given: str | None = None,
    ask: Callable[[], str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Secret:
    """The token for a service: given, of the environment, of the home, or asked for.

    Parameters
    ----------
    url
        The service, as :class:`Address` has it.
    home
        Folder of the lab, which may have a file of tokens.
    given
        The token itself.
    ask
        Asks a person; None where there is nobody.

    Raises
    ------
    TokenRefused
        If there is none, or others could read the file.
    """
    text = given or environment.get(VARIABLE) or _in_file(home / FILE, url)
    if not text and ask is not None:
        text = ask()
    text = (text or "").strip()
    if not text:
        raise TokenRefused(
            f"no token for {url}: set {VARIABLE}, or write it into {home / FILE} as "
            '{"URL": "TOKEN"}; qflow token create NAME makes one where the service is'
        )
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise TokenRefused(
            "this is no token: it has letters that no token has; copy all of what "
            "qflow token create has printed, and nothing else"
        )
    return Secret(text)


def _in_file(path: Path, url: str) -> str | None:
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TokenRefused(f"{path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise TokenRefused(
            f"others can read the tokens in {path}; type chmod 600 {path}"
        )
    try:
        found = json.loads(text)
        token = found.get(url)
    except (ValueError, AttributeError) as error:
        raise TokenRefused(
            f'{path} does not read; it has {{"URL": "TOKEN"}}, nothing else'
        ) from error
    return token if isinstance(token, str) else None
