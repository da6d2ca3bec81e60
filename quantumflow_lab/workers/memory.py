"""How much memory a child process may take beside what it has taken so far."""

from __future__ import annotations

import resource
from pathlib import Path


def limit_memory(memory_mb: int) -> None:
    """Let this process map so many MiB more and no further; nothing on macOS.

    Beside its own, since libraries and their threads take a gibibyte or two of address
    space, the more the more processors there are.
    """
    mapped = _mapped()
    if mapped is not None:
        space = mapped + memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (space, space))


def _mapped() -> int | None:
    """Bytes mapped at the moment; None where there is no such limit."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize()
