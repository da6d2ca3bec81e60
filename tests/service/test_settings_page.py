"""The tables of docs/service.md are those of the code.

Run as a script it writes them: ``python tests/service/test_settings_page.py``.
"""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.errors import BadOption
from quantumflow_lab.service.settings import PREFIX, ServiceSettings
from quantumflow_lab.settings import Settings

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

PAGE = Path(__file__).parents[2] / "docs" / "service.md"
START, END = "<!-- settings -->\n", "<!-- end of settings -->"


def texts(settings: type[BaseSettings]) -> dict[str, str]:
    """What stands under each field."""
    (found,) = ast.parse(inspect.getsource(settings)).body
    assert isinstance(found, ast.ClassDef)
    pairs = zip(found.body, found.body[1:], strict=False)
    return {
        field.target.id: ast.unparse(text.value).strip("'\"").replace("``", "`")
        for field, text in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def shown(default: object) -> str:
    if default is None or default == ():
        return "—"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def table() -> str:
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for kind, prefix in ((Settings, "QFLOW_"), (ServiceSettings, PREFIX)):
        said = texts(kind)
        for name, field in kind.model_fields.items():
            default = "processors" if field.default_factory else shown(field.default)
            lines.append(f"| `{prefix}{name.upper()}` | {default} | {said[name]} |")
    return "\n".join(lines) + "\n"


def test_the_page_has_every_setting() -> None:
    printed = PAGE.read_text().partition(START)[2].partition(END)[0]
    assert printed == table(), f"refresh the page: python {Path(__file__).name}"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFLOW_SERVICE_HOSTS", "a.example.org, b.example.org")
    monkeypatch.setenv("QFLOW_SERVICE_PORT", "80")
    settings = ServiceSettings()
    assert settings.hosts == ("a.example.org", "b.example.org")
    assert settings.port == 80


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("port", "99999", "setting port (QFLOW_SERVICE_PORT) cannot be '99999'"),
        ("origins", "*", "name each origin; '*' would let any web page call"),
        ("log_level", "loud", "QFLOW_SERVICE_LOG_LEVEL"),
    ],
)
def test_a_setting_that_cannot_be_is_said(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"QFLOW_SERVICE_{name.upper()}", value)
    with pytest.raises(BadOption, match=re.escape(says)):
        ServiceSettings()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("lab.example.org", False),
    ],
)
def test_loopback_is_known(host: str, *, loopback: bool) -> None:
    assert ServiceSettings(host=host).on_loopback is loopback


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(before + START + table() + END + after)
