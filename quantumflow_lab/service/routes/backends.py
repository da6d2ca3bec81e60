"""The backends that may be used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path

from quantumflow_lab.errors import UnknownBackend
from quantumflow_lab.service.asking import Reader, TheDesk
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.models import BackendLine, BackendPage
from quantumflow_lab.service.problems import Problem

router = APIRouter(prefix="/api/backends", tags=["backends"])


@router.get("")
def list_backends(desk: TheDesk, asker: Reader) -> BackendPage:
    """All of them; null is what only loading a backend would tell."""
    rows = desk.lab.backends.glimpses(desk.names())
    return BackendPage(items=[BackendLine(**asdict(row)) for row in rows])


@router.get("/{name}")
def get(
    name: Annotated[str, Path(min_length=1, max_length=128)],
    desk: TheDesk,
    asker: Reader,
) -> BackendLine:
    """What is known of one."""
    try:
        desk.refuse_backend(name)
    except UnknownBackend as error:
        raise Problem(404, error.slug, error.message) from error
    return _line(desk, name)


def _line(desk: Desk, name: str) -> BackendLine:
    facts = desk.lab.backends.facts(name)
    return BackendLine(
        name=name,
        simulator=facts.simulator,
        qubits=facts.num_qubits,
        noisy=facts.noisy,
        billed=facts.billed,
    )
