"""What a run would take, without a shot."""

from __future__ import annotations

from fastapi import APIRouter

from quantumflow_lab.service.asking import Submitter, TheDesk
from quantumflow_lab.service.models import QuoteAnswer, QuoteAsked
from quantumflow_lab.service.plain import plain
from quantumflow_lab.service.routes.workflows import cell_for, cell_of_saved, saved_of

router = APIRouter(prefix="/api/quotes", tags=["quotes"])


@router.post("")
def quote(asked: QuoteAsked, desk: TheDesk, asker: Submitter) -> QuoteAnswer:
    """Jobs, circuits, shots, time, money and success, by step and backend."""
    if asked.workflow is not None:
        saved = saved_of(desk, asked.workflow)
        cell = cell_of_saved(desk, asker, saved, asked.inputs)
        name = asked.name or saved.name
    else:
        name = asked.name or "quote"
        cell = cell_for(desk, asker, asked.declared, asked.source, asked.inputs, name)
    return QuoteAnswer(**plain(desk.quote(cell, name, asked).document()))
