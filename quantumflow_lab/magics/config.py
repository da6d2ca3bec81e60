"""Settings of the notebook's face: ``%config QFlow.show = 'graph'``."""

from __future__ import annotations

from traitlets import Enum, Unicode
from traitlets.config import Configurable

from quantumflow_lab.cell.magic_line import SHOWS


class QFlow(Configurable):
    """How ``%%qflow`` cells show their runs."""

    show = Enum(
        SHOWS,
        "live",
        help="What a %%qflow cell draws if its line has no --show: 'live' (a widget), "
        "'graph' (a still picture at the start and the end) or 'none'.",
    ).tag(config=True)

    project = Unicode(
        "",
        help="Project that runs of this notebook are charged to in %qflow spend; by "
        "default that of QFLOW_PROJECT.",
    ).tag(config=True)
