"""Numbers and other values as the tables of a comparison show them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

NUMBERS = (bool, int, float, complex, np.number, np.bool_)
"""Types of numbers."""


def number(value: Any) -> str:
    """A number as the tables show it, to six digits."""
    if isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, int | np.integer):
        # Python refuses to write the longest ones in decimal.
        return str(value) if abs(int(value)) < 1 << 64 else f"{int(value):#x}"
    return f"{complex(value):.6g}" if np.iscomplexobj(value) else f"{value:.6g}"


def relative(a: float, b: float) -> str:
    """A difference relative to `a`, signed.

    Examples
    --------
    >>> relative(2, 1), relative(0, 1), relative(1, 1000)
    ('-50 %', '', '× 1000')
    """
    if a == 0 or not math.isfinite(a) or not math.isfinite(b):
        return ""
    ratio = b / a
    return f"× {ratio:.4g}" if ratio >= 10 else f"{100 * (b - a) / abs(a):+.3g} %"


def with_error(mean: float, std: float) -> str:
    """A mean as far as it is known.

    Examples
    --------
    >>> with_error(0.627698, 0.0231), with_error(0.5, 0.0), with_error(-31.4, 12.3)
    ('0.628 ± 0.023', '0.5', '-31 ± 12')
    """
    if not std or not math.isfinite(std) or abs(mean) >= 1e6:
        return number(mean) if not std else f"{number(mean)} ± {std:.2g}"
    digits = min(max(1 - math.floor(math.log10(std)), 0), 15)
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def short(value: Any) -> str:
    """A value itself if it is short, else its type."""
    if isinstance(value, NUMBERS):
        return number(value)
    if isinstance(value, str) or value is None:
        return str(value)
    if hasattr(value, "depth") and hasattr(value, "num_qubits"):
        size = f"{value.num_qubits} qubits, depth {value.depth()}"
        return f"{type(value).__name__} of {size}"
    text = repr(value)
    return type(value).__name__ if " at 0x" in text or len(text) > 60 else text
