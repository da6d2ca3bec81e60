"""The pipes between this process and a child that it starts."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

_Started = TypeVar("_Started")
Theirs = tuple[int, int, int]
"""Ends of the child: what it reads, what it writes, and what ends when we are gone."""


@dataclass(frozen=True, slots=True)
class Pipes:
    """Our ends."""

    output: int
    input: int
    life: int
    """Never written to: the child sees its end when this process is gone."""

    def close(self) -> None:
        """Close them."""
        for fd in (self.output, self.input, self.life):
            os.close(fd)


def with_pipes(
    start: Callable[[Theirs], _Started],
) -> tuple[_Started, Pipes]:
    """Start a child that has the other ends; what `start` returned, and ours.

    Raises
    ------
    OSError
        If it does not start; then no pipe is left open.
    """
    from_kernel, output = os.pipe()
    input_, to_kernel = os.pipe()
    watched, life = os.pipe()
    theirs, ours = (from_kernel, to_kernel, watched), Pipes(output, input_, life)
    try:
        with _deaf_to_interrupts():
            return start(theirs), ours
    except OSError:
        ours.close()
        raise
    finally:
        for fd in theirs:
            os.close(fd)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    # The child inherits the mask, so a Ctrl-C while it starts cannot kill it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
