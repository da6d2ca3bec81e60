"""Where a service is, whether a token may go there, and where the token is found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.errors import (
    InsecureService,
    NoService,
    ServiceDiffers,
    TokenRefused,
)
from quantumflow_lab.remote.about import About, Versions, differences, refuse_other
from quantumflow_lab.remote.address import Address
from quantumflow_lab.remote.secret import FILE, Secret, find_token

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://lab.example.org"


@pytest.mark.parametrize(
    ("text", "url", "local"),
    [
        (" https://lab.example.org/ ", URL, False),
        ("https://lab.example.org:8443/group/a/", f"{URL}:8443/group/a", False),
        ("http://localhost:8321", "http://localhost:8321", True),
        ("http://127.0.0.1:8321/", "http://127.0.0.1:8321", True),
        ("http://[::1]:8321", "http://[::1]:8321", True),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", False),
    ],
)
def test_an_address_is_read(text: str, url: str, local: bool) -> None:
    assert Address.of(text) == Address(url, local)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("localhost:8321", "write http://localhost:8321"),
        ("lab.example.org", "write http://lab.example.org"),
        ("ftp://lab.example.org", "write https://lab.example.org or"),
        ("file:///etc/passwd", "is no address of a service"),
        ("https://", "is no address of a service"),
        ("https://me:secret@lab.example.org", "has no user or password in it"),
        ("https://lab.example.org/?token=x", "ends before '?'"),
        ("https://lab.example.org:port", "is no address: Port could not be cast"),
    ],
)
def test_what_is_no_address_is_said(text: str, says: str) -> None:
    with pytest.raises(NoService, match=re.escape(says)) as caught:
        Address.of(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["lab.example.org", "10.0.0.7", "localhost.evil.org"])
def test_a_token_does_not_cross_a_network_in_the_clear(host: str) -> None:
    with pytest.raises(InsecureService, match=f"write https://{host}:80, or add"):
        Address.of(f"http://{host}:80")
    assert Address.of(f"http://{host}:80", insecure=True).url == f"http://{host}:80"


def test_a_token_is_given_or_of_the_environment_or_of_the_home_or_asked_for(
    home: Path,
) -> None:
    asked = []

    def ask() -> str:
        asked.append(True)
        return " typed\n"

    home.mkdir(exist_ok=True)
    everywhere = {"environment": {"QFLOW_TOKEN": "of-environment"}, "ask": ask}
    kept = home / FILE
    kept.write_text(f'{{"{URL}": "of-home"}}')
    kept.chmod(0o600)
    find = find_token
    assert find(URL, home, given="given", **everywhere).text == "given"  # type: ignore[arg-type]
    assert find(URL, home, **everywhere).text == "of-environment"  # type: ignore[arg-type]
    assert find(URL, home, ask=ask, environment={}).text == "of-home"
    assert asked == []
    assert find(f"{URL}:1", home, ask=ask, environment={}).text == "typed"
    assert repr(Secret("typed")) == "Secret(…)"


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0, "set QFLOW_TOKEN, or write it into"),
        ('{"https://lab.example.org": "x"}', 0o644, "type chmod 600"),
        ("qfl_secret", 0o600, 'it has {"URL": "TOKEN"}, nothing else'),
        ("[1]", 0o600, 'it has {"URL": "TOKEN"}, nothing else'),
        ('{"https://other.example.org": "x"}', 0o600, f"no token for {URL}"),
        ('{"https://lab.example.org": "a b"}', 0o600, "copy all of what qflow token"),
    ],
)
def test_without_a_token_one_learns_where_to_put_it(
    content: str | None, mode: int, says: str, home: Path
) -> None:
    home.mkdir(exist_ok=True)
    if content is not None:
        (home / FILE).write_text(content)
        (home / FILE).chmod(mode)
    with pytest.raises(TokenRefused, match=re.escape(says)) as caught:
        find_token(URL, home, environment={})
    assert "qfl_secret" not in str(caught.value)


OURS = Versions("0.1.2", "3.11", "2.1.0")


@pytest.mark.parametrize("package", ["0.2.0", "1.0.0"])
def test_another_version_is_refused_with_what_to_install(package: str) -> None:
    with pytest.raises(ServiceDiffers) as caught:
        refuse_other(Versions(package, "3.11", "2.1.0"), OURS)
    assert str(caught.value) == (
        f"the service has quantumflow-lab {package}, this is 0.1.2; type pip install "
        f"'quantumflow-lab=={package}' and restart the kernel"
    )


def test_smaller_differences_are_told() -> None:
    there = Versions("0.1.9", "3.12", "2.0.3")
    refuse_other(there, OURS)
    assert differences(OURS, OURS) == []
    assert differences(there, OURS) == [
        "Python is 3.12 there, 3.11 here: code runs by its rules",
        "Qiskit is 2.0.3 there, 2.1.0 here: circuits and counts may differ",
        "quantumflow-lab is 0.1.9 there, 0.1.2 here",
    ]


def test_a_service_that_says_nothing_of_itself_is_refused() -> None:
    with pytest.raises(ServiceDiffers, match="does not say 'version' of itself"):
        About.of({})
