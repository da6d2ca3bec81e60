"""Processes that are born quickly, so that a test can kill many of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Self

KILLS = int(os.environ.get("QFLOW_KILLS", "6"))
"""How many processes each test of kills kills, for ``make chaos``."""

ROOT = Path(__file__).parents[2]

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["duckdb", "pyarrow", "quantumflow_lab.forgetting", "quantumflow_lab.store.packing"]
)


def run_script(script: str, *args: object) -> int:
    """Run a script where the store is imported already.

    Returns
    -------
    int
        Its exit status; minus the number of the signal that ended it.
    """
    child = _SERVER.Process(target=_carry_out, args=(script, [*map(str, args)]))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def _carry_out(script: str, args: list[str]) -> None:
    sys.argv = ["script", *args]
    exec(script, {"__name__": "__main__"})


_MOTHER = """
import os, signal, sys

sys.path.insert(0, {root!r})
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need nobody's care
home = sys.argv[1]
{imports}
while line := sys.stdin.readline():
    if child := os.fork():
        print(child, flush=True)
    else:
        sys.stdin.close()
        name, *rest = line.split()
        globals()[name](*rest)
        os._exit(0)
"""


class Nursery:
    """A process that has imported what its children need, and forks them.

    Parameters
    ----------
    code
        Imports, and the functions that children run; ``home`` is known there.
    home
        Folder of the lab.
    """

    def __init__(self, code: str, home: Path) -> None:
        mother = _MOTHER.format(root=str(ROOT), imports=dedent(code))
        self._mother = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", mother, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._children: set[int] = set()

    def born(self, *words: str) -> int:
        """Number of a new process, which calls a function with words."""
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(" ".join(words) + "\n")
        self._mother.stdin.flush()
        child = int(self._mother.stdout.readline())
        self._children.add(child)
        return child

    def kill(self, child: int) -> None:
        """End a process at once, and wait until it has gone."""
        os.kill(child, signal.SIGKILL)
        self.awaited(child)

    def awaited(self, child: int) -> None:
        """Wait until a process has ended."""
        until = time.monotonic() + 60
        while _lives(child):
            assert time.monotonic() < until, f"process {child} goes on"
            time.sleep(0.002)
        self._children.discard(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        for child in tuple(self._children):
            self.kill(child)
        self._mother.communicate(timeout=60)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
