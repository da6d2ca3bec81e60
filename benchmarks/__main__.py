"""Run the benchmarks, each in a process of its own, and print one table.

``python -m benchmarks`` runs all, ``python -m benchmarks core journal`` these two. Ends
with 1 if a benchmark fails; a missed gate is printed as such and is no failure, since a
busy machine misses gates.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from benchmarks.row import Row

FOLDER = Path(__file__).parent
MINUTES = 10
"""Longest that one benchmark may take."""


def names() -> list[str]:
    """The benchmarks there are."""
    found = [module.name for module in iter_modules([str(FOLDER)])]
    return [name for name in found if name != "row" and not name.startswith("_")]


def measure(name: str, out: Path) -> None:
    """Run one benchmark in this process and write its rows as JSON."""
    rows = import_module(f"benchmarks.{name}").measure()
    out.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")


def rows_of(name: str, folder: Path) -> list[Row]:
    """Run one benchmark in a fresh process, with a home that goes with it."""
    out = folder / f"{name}.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks", "--into", str(out), name],
        cwd=FOLDER.parent,
        env={**os.environ, "QFLOW_HOME": str(folder / name), "MPLBACKEND": "agg"},
        timeout=60 * MINUTES,
        check=True,
    )
    return [Row(**row) for row in json.loads(out.read_text(encoding="utf-8"))]


def number(value: float | None, unit: str = "") -> str:
    """A figure with three significant digits and its unit."""
    if value is None:
        return ""
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits}{unit}" if unit in {"", "×"} else f"{digits} {unit}"


def cells(row: Row) -> list[str]:
    """One line of the table."""
    sign = "≥" if row.better == "higher" else "≤"
    marks = [number(mark, row.unit) for mark in (row.gate, row.stretch)]
    return [
        row.what,
        row.against,
        number(row.value, row.unit),
        f"{number(row.low)} – {number(row.high)}",
        *(f"{sign} {mark}" if mark else "" for mark in marks),
        row.verdict,
    ]


def table(rows: list[Row]) -> str:
    """The rows under their heads, in columns."""
    head = ["what", "against", "measured", "spread", "gate", "stretch", "reaches"]
    lines = [head, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def report(chosen: list[str]) -> int:
    """Run the chosen benchmarks and print what they gave."""
    rows: list[Row] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            print(f"… {name}", file=sys.stderr)
            try:
                rows += rows_of(name, Path(folder))
            except subprocess.SubprocessError as error:
                failed.append(f"{name}: {error}")
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    print(f"Python {platform.python_version()}, {machine}\n")
    print(table(rows))
    for line in failed:
        print(f"failed: {line}")
    return int(bool(failed))


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in set(options.names) - set(names()):
        parser.error(f"no benchmark '{name}'; there are: {', '.join(names())}")
    if options.into:
        measure(options.names[0], options.into)
        return 0
    return report(options.names or names())


if __name__ == "__main__":
    sys.exit(main())
