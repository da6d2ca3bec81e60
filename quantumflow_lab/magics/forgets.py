"""The options of ``%qflow forget``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantumflow_lab.errors import MagicLineError, did_you_mean

FORGET_OPTIONS = ("--before", "--name", "--yes")


def forget_options(words: Sequence[str]) -> dict[str, Any]:
    """The arguments of :meth:`quantumflow_lab.lab.Lab.forget` that words stand for.

    Raises
    ------
    MagicLineError
        Naming the nearest option, or what is missing.

    Examples
    --------
    >>> forget_options(["--before", "90d", "--yes"])
    {'before': '90d', 'dry_run': False}
    """
    found: dict[str, Any] = {}
    left = list(words)
    while left:
        option = left.pop(0)
        if option == "--yes":
            found["dry_run"] = False
        elif option not in FORGET_OPTIONS:
            hint = did_you_mean(option, FORGET_OPTIONS)
            raise MagicLineError(f"%qflow forget has no option {option}{hint}")
        elif not left or left[0].startswith("--"):
            example = "90d" if option == "--before" else "bell"
            raise MagicLineError(f"{option} needs a value, such as {option} {example}")
        else:
            found[option.removeprefix("--")] = left.pop(0)
    if "before" not in found:
        raise MagicLineError("write %qflow forget --before 90d, or a date")
    return found
