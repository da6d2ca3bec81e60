"""The journal that this machine can run: the compiled one, or the one in Python."""

from __future__ import annotations

try:
    from quantumflow_lab._core import Journal, read_journal
except ImportError:
    from quantumflow_lab._fallback_journal import (  # type: ignore[assignment]  # twins
        Journal,
        read_journal,
    )

__all__ = ["Journal", "read_journal"]
