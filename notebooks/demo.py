"""Runs a notebook from a clean kernel and tells what came of it: ``make demo``."""

from __future__ import annotations

import argparse
import base64
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

import quantumflow_lab as qf
from quantumflow_lab.widgets import run_text, table_text

HERE = Path(__file__).parent
STEPS = """
select step, kind, backend, points, jobs, circuits, shots, depth,
       round(wall_s, 3) as wall_s, round(transpile_s, 3) as transpile_s,
       round(run_s, 3) as run_s, round(machine_s, 3) as machine_s, cost
from qf_steps where run = ? order by started, step
"""


def main() -> int:
    """Execute the notebook, save it and its charts, print what the store knows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, default=Path("output/demo"))
    arguments = parser.parse_args()
    source = arguments.notebook or HERE / "01_quickstart.ipynb"
    arguments.output.mkdir(parents=True, exist_ok=True)
    executed = arguments.output / source.name

    notebook = nbformat.read(source, as_version=4)
    execute(notebook, source.parent)
    nbformat.write(notebook, executed)
    charts = list(save_charts(notebook, arguments.output))
    tell("bell")
    print(f"\nexecuted notebook  {executed}")
    for chart in charts:
        print(f"chart              {chart}")
    return 0


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run every cell, with a line for each."""
    client = NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(folder)}}
    )
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    began = time.monotonic()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            number = cells.index(cell) + 1
            first = cell.source.strip().splitlines()[0]
            print(f"[{number}/{len(cells)}] {first[:64]:<64}", end=" ", flush=True)
            start = time.monotonic()
            client.execute_cell(cell, index)
            print(f"{time.monotonic() - start:6.2f} s", flush=True)
    print(f"notebook done in {time.monotonic() - began:.1f} s\n")


def save_charts(notebook: NotebookNode, folder: Path) -> Iterator[Path]:
    """Write each PNG that a cell showed."""
    number = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            if picture:
                number += 1
                path = folder / f"chart-{number}.png"
                path.write_bytes(base64.b64decode(picture))
                yield path


def tell(name: str) -> None:
    """Print the run as the store has it: results, steps, times and cost."""
    lab = qf.lab()
    run = lab.load(name)
    print(run_text(run.snapshot()))
    print("\nparity of the two qubits")
    for point, value in run["parity"].items():
        print(f"  {point['backend']:<12} {value:.4f}")
    table = lab.sql(STEPS, [run.id])
    rows = [list(row.values()) for row in table.to_pylist()]
    print(f"\nsteps, from {lab.store.database}")
    print(table_text(table.column_names, rows))


if __name__ == "__main__":
    sys.exit(main())
