"""A lab that tests of runs share, since its worker takes a second to start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import comm
import pytest

from quantumflow_lab import Lab, Run

if TYPE_CHECKING:
    from collections.abc import Iterator


class Forgetful(Lab):
    """Takes nothing of what another test has run."""

    def run(self, *args: Any, **options: Any) -> Run:
        return super().run(*args, **{"fresh": True, **options})


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Forgetful(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What widgets send to the browser, in order."""
    sent: list[dict[str, Any]] = []

    def publish(_: object, msg_type: str, data: Any = None, **__: object) -> None:
        sent.append({"type": msg_type, "data": data})

    monkeypatch.setattr(comm.base_comm.BaseComm, "publish_msg", publish, raising=False)
    monkeypatch.setattr(comm.DummyComm, "publish_msg", publish)
    return sent
