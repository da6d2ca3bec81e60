"""Whether the service lives and is ready, for anybody, and what it measures."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.service.asking import Measurer, TheDesk
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.models import Alive, Health

router = APIRouter(tags=["health"])


@router.get("/api/health/live")
async def live() -> Alive:
    """The process answers; nothing else is looked at."""
    return Alive()


@router.get(
    "/api/health/ready",
    responses={503: {"model": Health, "description": "Not now."}},
)
def ready(desk: TheDesk, response: Response) -> Health:
    """Whether runs can be started."""
    return _health(desk, response)


@router.get("/api/health")
def health(desk: TheDesk) -> Health:
    """How the service stands, always with status 200."""
    return _health(desk, None)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(desk: TheDesk, asker: Measurer) -> Response:
    """What Prometheus reads, with a token of the scope metrics."""
    return Response(desk.meters.text(), media_type=CONTENT_TYPE_LATEST)


def _health(desk: Desk, response: Response | None) -> Health:
    checks = {"scheduler": True, "store": True}
    try:
        desk.lab.check_scheduler()
    except QuantumFlowError:
        checks["scheduler"] = False
    try:
        desk.lab.check_store()
    except QuantumFlowError:
        checks["store"] = False
    leaving = desk.draining.is_set()
    well = all(checks.values())
    if response is not None and (leaving or not well):
        response.status_code = 503
    if leaving:
        return Health(status="draining", checks=checks)
    return Health(status="ok" if well else "failing", checks=checks)
