"""Latest results of a step as static SVG: which picture, and what its bars mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumflow_lab.widgets.escape import Markup
from quantumflow_lab.widgets.estimates import estimates_svg
from quantumflow_lab.widgets.histogram import histogram_svg

Results = Mapping[str, Any]
"""``steps[].results`` of a snapshot; see ``docs/widgets.md``."""


def results_svg(results: Results) -> list[Markup]:
    """The pictures of what a step has."""
    if "counts" in results:
        return [histogram_svg(one) for one in results["counts"]]
    rows = [row for line in results["series"] for row in line["values"]]
    return [estimates_svg(results)] if rows else []


def results_note(results: Results) -> str:
    """What the bars with two ends mean; nothing where there are none.

    Examples
    --------
    >>> results_note({"series": [{"values": [[0.0, 0.5, 0.1]]}]})
    'bars are standard errors'
    """
    if "counts" in results:
        return "latest points, 95 % Wilson intervals" if results["counts"] else ""
    errors = [row[2] for line in results["series"] for row in line["values"]]
    known = any(error is not None for error in errors)
    return "bars are standard errors" if known else ""
