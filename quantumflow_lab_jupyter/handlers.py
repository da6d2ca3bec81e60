"""The addresses below ``/quantumflow``: JSON in, JSON out, for who has logged in.

==========  ============================  ==========================================
``GET``     ``runs``                      the runs, see ``Sidebar.runs``
``GET``     ``runs/ID/cell``              ``{"text"}``, the cell of a run
``POST``    ``runs/ID/cancel``            ``{"asked"}``, whether a process was asked
==========  ============================  ==========================================

All take ``near``, the path of the notebook in front. A refusal is ``{"message"}``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

if TYPE_CHECKING:
    from quantumflow_lab_jupyter.reading import Question, Reading

RUN = r"([A-Za-z0-9_.-]{1,100})"
"""The id of a run in an address."""


class LabHandler(APIHandler):
    """What the three have in common."""

    auth_resource = "quantumflow"

    def initialize(self, reading: Reading) -> None:
        """Take what the server was started with."""
        self.reading = reading

    @property
    def near(self) -> str:
        """Path of the notebook that the question is asked beside."""
        return self.get_query_argument("near", "")

    async def answer(self, question: Question) -> None:
        """Say what the lab says, or why it does not."""
        status, told = await self.reading.ask(question)
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(told))


class RunsHandler(LabHandler):
    """``runs``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The runs of a home."""
        find = self.get_query_argument("find", "") or None
        given = self.get_query_argument("limit", "100")
        limit = int(given) if given.isdecimal() and len(given) < 6 else 0
        near = self.near
        await self.answer(lambda sidebar: sidebar.runs(near, find=find, limit=limit))


class CellHandler(LabHandler):
    """``runs/ID/cell``."""

    @web.authenticated
    @authorized
    async def get(self, run: str) -> None:
        """The cell of a run."""
        near = self.near
        await self.answer(lambda sidebar: {"text": sidebar.cell(run, near)})


class CancelHandler(LabHandler):
    """``runs/ID/cancel``."""

    @web.authenticated
    @authorized
    async def post(self, run: str) -> None:
        """Ask the process that has a run to end it."""
        near = self.near
        await self.answer(lambda sidebar: {"asked": sidebar.cancel(run, near)})


def handlers(base_url: str, reading: Reading) -> list[tuple[str, type, dict[str, Any]]]:
    """The handlers of a server, with the addresses they answer."""
    return [
        (url_path_join(base_url, "quantumflow", path), handler, {"reading": reading})
        for path, handler in (
            ("runs", RunsHandler),
            (f"runs/{RUN}/cell", CellHandler),
            (f"runs/{RUN}/cancel", CancelHandler),
        )
    ]
