"""Bearer tokens: who may do what, until when.

A token is ``qfl_<id>_<secret>``. The id finds the row and is no secret. The secret is
256 random bits, of which the file keeps the SHA-256: nobody can guess through that many
values, so a slow hash, as passwords need, would only slow every request.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from quantumflow_lab.amounts import seconds
from quantumflow_lab.errors import BadOption, HomeNotWritable, StoreError, did_you_mean

SCOPES: Final = {
    "read": "see workflows, runs, results, backends and performance",
    "run": "create, quote, execute, cancel, pause and resume",
    "code": "send Python, where the service allows it",
    "metrics": "read /metrics",
}
"""What a token may be for, and what that means."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SHAPE = re.compile(r"qfl_[0-9a-f]{12}_[A-Za-z0-9_-]{20,}")
"""What a token looks like, so that no log has one."""
FOREVER = "never"
USUAL = "90d"
"""Time after which a token expires of which nothing else was said."""

_NOBODY = hashlib.sha256(b"nobody").hexdigest()


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; the secret is not."""

    id: str
    name: str
    """Whose it is, for people and logs."""
    hash: str
    """SHA-256 of the secret, in hexadecimal."""
    scopes: tuple[str, ...]
    created: float
    """Seconds since the epoch."""
    expires: float | None
    """Likewise; None for never."""

    def is_expired(self, now: float) -> bool:
        """Whether its time has passed."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class Made:
    """A new token, and the only time that its secret is seen."""

    token: Token
    text: str
    """What goes behind ``Authorization: Bearer``."""


def make(name: str, scopes: Sequence[str], expires: str = USUAL, *, now: float) -> Made:
    """A token that nothing keeps yet.

    Parameters
    ----------
    name
        Letters, digits, dots, dashes and underscores, at most 64.
    scopes
        Of :data:`SCOPES`, at least one.
    expires
        A duration such as ``90d``, or ``never``.
    now
        Seconds since the epoch.

    Raises
    ------
    BadOption
        Saying what to type instead.
    """
    if NAME.fullmatch(name) is None:
        raise BadOption(
            f"a token cannot be called {name!r}: at most 64 letters, digits, dots, "
            "dashes and underscores, such as ci-2026",
            option="name",
        )
    if not scopes:
        raise BadOption("a token without a scope can do nothing; type --scope read")
    for scope in scopes:
        if scope not in SCOPES:
            hint = did_you_mean(scope, SCOPES) or f"; there are {', '.join(SCOPES)}"
            raise BadOption(f"there is no scope {scope!r}{hint}", option="scope")
    span = None if expires == FOREVER else seconds(expires)
    if expires != FOREVER and (span is None or span <= 0):
        raise BadOption(
            f"a token cannot expire in {expires!r}; type a duration such as 90d, or "
            "never",
            option="expires",
        )
    secret = secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(6),
        name=name,
        hash=_hash(secret),
        scopes=tuple(dict.fromkeys(scopes)),
        created=now,
        expires=None if span is None else now + span,
    )
    return Made(token, f"qfl_{token.id}_{secret}")


class TokenFile:
    """The tokens of a home, in ``service/tokens.json``; read again when it changes.

    Parameters
    ----------
    home
        The lab's home.
    extra
        Tokens that live as long as this object.
    wall
        Seconds since the epoch.
    """

    def __init__(
        self,
        home: Path,
        extra: Sequence[Token] = (),
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.path = home / "service" / "tokens.json"
        self._extra = {token.id: token for token in extra}
        self._wall = wall
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}

    def all(self) -> list[Token]:
        """Every token, in the order they were made."""
        return [*self._current().values(), *self._extra.values()]

    def find(self, text: str) -> Token | None:
        """The token of this text; None if there is none, or not any more.

        A wrong id takes as long as a wrong secret.
        """
        prefix, _, rest = text.partition("_")
        number, _, secret = rest.partition("_")
        token = self._current().get(number) or self._extra.get(number)
        kept = _NOBODY if token is None else token.hash
        matches = hmac.compare_digest(_hash(secret), kept)
        if token is None or not matches or prefix != "qfl":
            return None
        return None if token.is_expired(self._wall()) else token

    def is_good(self, token: Token) -> bool:
        """Whether a token that was found is neither revoked by now nor expired."""
        known = self._current().get(token.id) or self._extra.get(token.id)
        return known == token and not token.is_expired(self._wall())

    def create(self, name: str, scopes: Sequence[str], expires: str = USUAL) -> Made:
        """Make a token and keep its hash.

        Raises
        ------
        BadOption
            As :func:`make`, or if the name is taken.
        HomeNotWritable
            If it cannot be kept.
        """
        made = make(name, scopes, expires, now=self._wall())
        with self._changing() as tokens:
            if any(token.name == name for token in tokens.values()):
                raise BadOption(
                    f"there is a token called {name!r}; revoke it first by qflow token "
                    f"revoke {name}",
                    option="name",
                )
            tokens[made.token.id] = made.token
        return made

    def revoke(self, name: str) -> Token:
        """Forget a token, by its name or id; a running service notices at once.

        Raises
        ------
        BadOption
            Naming the nearest.
        """
        with self._changing() as tokens:
            for token in tokens.values():
                if name in (token.name, token.id):
                    return tokens.pop(token.id)
            hint = did_you_mean(name, [token.name for token in tokens.values()])
        raise BadOption(f"there is no token called {name!r}{hint}", option="name")

    def _current(self) -> dict[str, Token]:
        with self._lock:
            try:
                found = self.path.stat()
            except FileNotFoundError:
                self._stamp, self._tokens = None, {}
                return self._tokens
            stamp = found.st_mtime_ns, found.st_ino, found.st_size
            if stamp != self._stamp:
                self._tokens = self._read()
                self._stamp = stamp
            return self._tokens

    def _read(self) -> dict[str, Token]:
        try:
            rows = json.loads(self.path.read_bytes())
            tokens = [Token(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{self.path} does not read ({error}); take it from a backup, or "
                "delete it and make the tokens anew"
            ) from error
        return {token.id: token for token in tokens}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        """The tokens, to be changed by one process at a time and kept at the end."""
        folder = self.path.parent
        try:
            # A new home, too, is nobody else's to read.
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            with (folder / "tokens.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                tokens = self._read()
                yield tokens
                write_whole(
                    self.path,
                    json.dumps([asdict(token) for token in tokens.values()]).encode(),
                )
        except OSError as error:
            raise HomeNotWritable(
                f"cannot keep tokens in {folder}: {error.strerror}; make the folder "
                "writable, or choose another home with QFLOW_HOME=<folder>",
                home=str(folder),
            ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file at once, readable by its owner alone, and bring it to the disk."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
