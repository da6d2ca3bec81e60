"""Which service this is, and what may be asked of it."""

from __future__ import annotations

import platform
from importlib.metadata import version

from fastapi import APIRouter

from quantumflow_lab.service.asking import Reader, TheDesk
from quantumflow_lab.service.models import About

router = APIRouter(prefix="/api/about", tags=["about"])


@router.get("")
def about(desk: TheDesk, asker: Reader) -> About:
    """Versions that decide whether values can be exchanged, and the token's scopes."""
    token = asker.token
    return About(
        version=version("quantumflow-lab"),
        python=".".join(platform.python_version_tuple()[:2]),
        qiskit=version("qiskit"),
        token=token.name,
        scopes=list(token.scopes),
        expires=token.expires,
        code=desk.settings.allow_code and "code" in token.scopes,
        body_bytes=desk.settings.body_bytes,
    )
