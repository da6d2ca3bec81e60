"""``%qflow connect``: cells of a real kernel on a real service, over its restarts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab.service.tokens import TokenFile
from tests.service.test_process import Process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kernel.driver import Cell, Kernel

pytestmark = pytest.mark.timeout(300)

WIDGET = "application/vnd.jupyter.widget-view+json"
HELD = """%%qflow held
i = qf.axis(range(3))

@qf.step
def square(i):
    print("point", i)
    while i == 2 and not os.path.exists(gate):
        time.sleep(0.02)
    return scaled(i * i)
"""


@pytest.fixture
def lab_elsewhere(tmp_path: Path) -> Path:
    """The home of a service, which the kernels know nothing of."""
    home = tmp_path / "elsewhere" / "home"
    home.mkdir(parents=True, mode=0o700)
    return home


@pytest.fixture
def token(lab_elsewhere: Path) -> str:
    return TokenFile(lab_elsewhere).create("me", ["read", "run", "code"]).text


def said(cell: Cell) -> str:
    assert cell.status == "ok", cell.traceback
    return str(cell.displayed.get("text/plain", ""))


def prepared(kernel: Kernel, gate: Path) -> None:
    for code in (
        "import os, time\ndef scaled(x):\n    return 10 * x",
        f"gate = {str(gate)!r}",
    ):
        said(kernel.run(code))


def test_a_cell_runs_on_the_service_and_outlives_its_kernel(
    start_kernel: Callable[[], Kernel],
    home: Path,
    lab_elsewhere: Path,
    token: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("QFLOW_TOKEN", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    gate, cells = tmp_path / "gate", list[Any]()
    with Process(lab_elsewhere, flags=["--allow-code"]) as service:
        kernel = start_kernel()
        kernel.run("%load_ext quantumflow_lab")
        assert "no service is connected" in said(kernel.run("%qflow connect"))
        request = kernel.send(f"%qflow connect {service.url}")
        asked = kernel.client.get_stdin_msg(timeout=60)["content"]
        assert asked == {"prompt": "token of the service: ", "password": True}
        kernel.client.input(token)
        cells.append(kernel.collect(request))
        assert re.search(rf"service +{service.url}\n", said(cells[-1]))
        assert re.search(r"may +read, run, code\n *cells +run there", said(cells[-1]))
        prepared(kernel, gate)
        request = kernel.send(HELD)

        comms: list[str] = []

        def seen(message: dict[str, Any]) -> None:
            content = message["content"]
            state = content.get("data", {}).get("state", {})
            if state.get("_view_module") == "anywidget":
                comms.append(content["comm_id"])
            if "square │ point 1" in content.get("text", ""):
                kernel.comm_message(comms[0], {"type": "detach"})

        cells.append(kernel.collect(request, seen=seen))
        assert cells[-1].status == "ok", cells[-1].traceback
        assert set(cells[-1].of("display_data")[0]["data"]) >= {WIDGET, "text/html"}
        assert kernel.value("held.state, held.partial('square', i=1)") == (
            "running",
            10,
        )
        kernel.close()

        monkeypatch.setenv("QFLOW_TOKEN", token)
        kernel = start_kernel()
        kernel.run("%load_ext quantumflow_lab")
        cells.append(kernel.run(f"%qflow connect {service.url}"))
        said(cells[-1])
        loading = kernel.send("%qflow load held")
        cells.append(kernel.collect(loading))
        assert set(cells[-1].of("display_data")[0]["data"]) >= {WIDGET, "text/html"}
        gate.touch()
        assert kernel.value("list(held.wait(60)['square'])") == [0, 10, 40]
        late = kernel.late(loading)
        assert "square │ point 2\n" in cells[-1].text + late.text
        assert "held · done" in late.displayed["text/plain"]
        assert re.search(r"1  held +20", said(kernel.run("%qflow history")))
        refused = kernel.run('%qflow sql "SELECT 1"')
        assert "NotRemote: %qflow sql asks a store" in refused.traceback
        cells.append(kernel.run("%qflow config"))
        assert service.url in said(cells[-1])
        assert "its runs go on there" in said(kernel.run("%qflow disconnect"))
        assert "held" not in said(kernel.run("%qflow history"))
        assert kernel.value("list(held['square'])") == [0, 10, 40]
        cells.append(kernel.run("%qflow disconnect"))
        assert "no service is connected" in cells[-1].traceback
        kernel.close()
    secret = token.split("_", 2)[2]
    assert secret not in repr([each.messages for each in cells])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "history.sqlite" for path in files)
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_interrupt_cancels_the_run_on_the_service(
    start_kernel: Callable[[], Kernel],
    lab_elsewhere: Path,
    token: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QFLOW_TOKEN", token)
    with Process(lab_elsewhere, flags=["--allow-code"]) as service:
        kernel = start_kernel()
        kernel.run("%load_ext quantumflow_lab")
        said(kernel.run(f"%qflow connect {service.url}"))
        prepared(kernel, tmp_path / "gate")
        cell = kernel.interrupted(HELD, after=3)
        assert "RunCancelled: run 'held' was cancelled" in cell.traceback
        assert cell.idle - cell.sent < 5
        assert kernel.value("held.wait(30).state") == "cancelled"
        assert "cancelled" in said(kernel.run("%qflow history held"))
        (tmp_path / "gate").touch()
        plan = kernel.run(HELD.replace("held", "held --plan", 1))
        assert "held · quote, nothing was run" in said(plan)
