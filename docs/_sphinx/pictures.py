"""The drawings of the pages: ``python -m docs._sphinx.pictures`` makes them."""

from __future__ import annotations

from pathlib import Path

from docs._sphinx.draw import Arrow, Box, Drawing

FOLDER = Path(__file__).resolve().parents[1] / "diagrams"

JOURNEY = Drawing(
    about="A cell is read, bound and planned; the runner tells the Rust core what "
    "happened and does what it decides; workers run jobs; everything goes to the "
    "journal, and from there to DuckDB, charts and the live view.",
    width=800,
    height=400,
    boxes=[
        Box("A %%qflow cell", 10, 20, 170, sub="ordinary Python"),
        Box("cell", 225, 20, 150, sub="reads, never executes"),
        Box("Workflow", 420, 20, 150, sub="a frozen value, qflow/1"),
        Box("planning", 615, 20, 170, sub="units, points, seeds"),
        Box("widgets", 10, 170, 170, sub="live view, ten times a second"),
        Box("runner", 225, 170, 150, sub="the shell, a thread"),
        Box("Rust core", 420, 170, 150, sub="events in, commands out", kind="brand"),
        Box("workers", 615, 170, 170, sub="child processes"),
        Box("charts, SQL", 10, 320, 170, sub="named queries"),
        Box("DuckDB", 225, 320, 150, sub="can be made again"),
        Box("journal", 420, 320, 150, sub="the truth, fsync", kind="brand"),
        Box("backends", 615, 320, 170, sub="simulators, devices", kind="outside"),
    ],
    arrows=[
        Arrow("A %%qflow cell:e", "cell:w"),
        Arrow("cell:e", "Workflow:w"),
        Arrow("Workflow:e", "planning:w"),
        Arrow("planning:s", "runner:n20", "what there is to do", at=(20, -4)),
        Arrow("runner:e-12", "Rust core:w-12", kind="strong"),
        Arrow("Rust core:w12", "runner:e12", kind="strong"),
        Arrow("runner:w", "widgets:e"),
        Arrow("runner:s-10", "journal:n-30", "every fact", at=(-46, 4)),
        Arrow("runner:s40", "workers:s-40", "jobs", at=(10, 16)),
        Arrow("workers:s10", "backends:n10", "circuits", at=(30, 4)),
        Arrow("journal:w", "DuckDB:e"),
        Arrow("DuckDB:w", "charts, SQL:e"),
    ],
)

PRODUCTION = Drawing(
    about="Notebooks and programs reach qflow serve through a proxy that ends TLS. The "
    "service calls the Lab, which keeps its home on one volume and talks to providers. "
    "Prometheus reads its metrics, Grafana draws them.",
    width=800,
    height=360,
    boxes=[
        Box("One pod, one writer", 385, 20, 235, 320, kind="area"),
        Box("Notebooks", 10, 60, 150, sub="%qflow connect", kind="outside"),
        Box("Programs", 10, 150, 150, sub="HTTP, bearer token", kind="outside"),
        Box("Proxy", 215, 105, 120, sub="ends TLS", kind="outside"),
        Box("qflow serve", 405, 60, 195, sub="tokens, limits, metrics", kind="brand"),
        Box("Lab", 405, 165, 195, sub="scheduler, workers"),
        Box("Home", 405, 270, 195, sub="journals, DuckDB: a volume", kind="brand"),
        Box("Prometheus", 665, 60, 125, sub="alert rules"),
        Box("Grafana", 665, 165, 125, sub="dashboard"),
        Box("Providers", 665, 270, 125, sub="IBM, Braket, …", kind="outside"),
    ],
    arrows=[
        Arrow("Notebooks:e", "Proxy:w-10"),
        Arrow("Programs:e", "Proxy:w10"),
        Arrow("Proxy:e", "qflow serve:w", "port 8321", at=(-4, -14)),
        Arrow("qflow serve:s", "Lab:n", kind="strong"),
        Arrow("Lab:s", "Home:n", kind="strong"),
        Arrow("Lab:e", "Providers:w", "jobs", at=(-4, 16)),
        Arrow("Prometheus:w", "qflow serve:e", "/metrics", at=(0, -8)),
        Arrow("Grafana:n", "Prometheus:s"),
    ],
)

DRAWINGS = {"journey": JOURNEY, "production": PRODUCTION}


def main() -> None:
    """Write every drawing into ``docs/diagrams``."""
    for name, drawing in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(drawing.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
