"""What a Jupyter server loads for the sidebar of JupyterLab, at its own start.

A package of its own because it must be light: :mod:`quantumflow_lab` imports Qiskit,
which takes seconds, and is not imported before somebody looks at the sidebar.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "quantumflow_lab_jupyter"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from quantumflow_lab_jupyter.handlers import handlers
    from quantumflow_lab_jupyter.reading import Reading

    reading = Reading(Path(server.root_dir))
    server.web_app.add_handlers(".*$", handlers(server.base_url, reading))
