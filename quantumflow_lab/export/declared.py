"""Axes and assignments of the cell, with the values that the run had."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quantumflow_lab.errors import NotExportable
from quantumflow_lab.export.names import Names
from quantumflow_lab.export.ranges import range_text
from quantumflow_lab.export.subject import Subject
from quantumflow_lab.export.values import SMALL, WIDTH, Values, laid_out, quoted


@dataclass
class Declared:
    """Writes them."""

    subject: Subject
    values: Values
    names: Names

    def axis(self, name: str) -> str:
        """The line of an axis, with the values that the run had."""
        declared = next(each for each in self.subject.flow.axes if each.name == name)
        axis, values = self.names.mine("AXES"), self.subject.axes[name]
        text = None if name in self.subject.set else range_text(declared.source, values)
        if text is None:
            text = self._axis_values(name, values)
        unit = self.subject.stored.units.get(name)
        line = laid_out(f"{axis}[{quoted(name)}] = ", text)
        if unit is None:
            return line
        said = f"{line}  # in {unit}"
        fits = len(said.split("\n")[-1]) <= WIDTH
        return said if fits else f"# in {unit}\n{line}"

    def _axis_values(self, name: str, values: Sequence[Any]) -> str:
        array = np.array(values) if all(isinstance(v, float) for v in values) else None
        if array is None or array.size <= SMALL:
            return self.values.text(name, list(values))
        return f"{self.values.text(name, array)}.tolist()"

    def replaced(self, names: Sequence[str]) -> str | None:
        """Lines in the place of an assignment, where ``--set`` gave other values.

        Raises
        ------
        NotExportable
            If it gave some of the names only.
        """
        given = [name for name in names if name in self.subject.set]
        if not given:
            return None
        if len(given) < len(names):
            raise NotExportable(
                f"--set gave one of {', '.join(names)}, which the cell assigns at "
                "once; assign them one by one",
                name=given[0],
            )
        return "\n".join(
            laid_out(
                f"{name} = ", self.values.text(name, _plain(self.subject.set[name]))
            )
            + "  # given by --set"
            for name in given
        )


def _plain(value: Any) -> Any:
    """A value of ``--set``: lists and the like were recorded as their text."""
    if isinstance(value, str) and value[:1] in "[({":
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    return value
