"""One suite of checks that any backend can be put through.

Each check is a small experiment with a known answer, run the way the lab runs
everything else.
"""

from __future__ import annotations

from quantumflow_lab.backends.conformance.bench import Bench
from quantumflow_lab.backends.conformance.catalogue import CHECKS, check_called
from quantumflow_lab.backends.conformance.examination import Examination
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    Check,
    Finding,
    Verdict,
)

__all__ = [
    "CHECKS",
    "Answer",
    "Bench",
    "Check",
    "Examination",
    "Finding",
    "Verdict",
    "check_called",
]
