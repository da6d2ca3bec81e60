"""A worker process ends with its parent, even while a simulation holds the GIL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

core = pytest.importorskip("quantumflow_lab._core")

CHILD = """
import ctypes, sys
from quantumflow_lab._core import watch_parent
watch_parent(int(sys.argv[1]))
print("watching", flush=True)
ctypes.PyDLL(None).sleep(60)        # PyDLL keeps the GIL, as Aer does
"""

PARENT = """
import os, subprocess, sys, time
read, write = os.pipe()
child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[1], str(read)],
    pass_fds=[read], stdout=subprocess.PIPE, text=True,
)
assert child.stdout.readline() == "watching\\n"
print(child.pid, flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    """True unless the process is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return fields.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_child_that_holds_the_gil_ends_when_its_parent_is_killed() -> None:
    """Parent killed with -9 -> pipe closed -> child gone within half a second."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        assert is_running(child)

        parent.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        while is_running(child) and time.monotonic() < killed + 5:
            time.sleep(0.005)
        took = time.monotonic() - killed

    assert took < 0.5


def test_pipe_whose_writer_is_gone_already_ends_the_process_at_once() -> None:
    """A parent that dies before the child begins to watch is noticed too."""
    script = (
        "import os, time\n"
        "from quantumflow_lab._core import watch_parent\n"
        "read, write = os.pipe()\n"
        "os.close(write)\n"
        "watch_parent(read)\n"
        "time.sleep(30)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=20, check=False)

    assert ended.returncode == -signal.SIGKILL


def test_number_that_is_no_descriptor_is_an_error() -> None:
    """Nothing to watch -> OSError."""
    read, write = os.pipe()
    os.close(read)
    os.close(write)

    with pytest.raises(OSError, match=r"No such file|Bad file"):
        core.watch_parent(read)
