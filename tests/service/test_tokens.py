"""Tokens: made once, kept as hashes, refused when wrong, expired or revoked."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.cli import main
from quantumflow_lab.errors import BadOption, StoreError
from quantumflow_lab.service.tokens import SHAPE, TokenFile, make

if TYPE_CHECKING:
    from pathlib import Path


def test_a_token_is_found_by_its_text_and_by_nothing_else(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    text = tokens.create("ci", ["read"]).text
    found = tokens.find(text)
    assert found is not None
    assert (found.name, found.scopes) == ("ci", ("read",))
    prefix, number, secret = text.split("_", 2)
    for wrong in (
        "",
        "qfl",
        f"{prefix}_{number}",
        f"{prefix}_{number}_",
        f"{prefix}_{number}_{secret[:-1]}",
        f"{prefix}_{number}_{secret}x",
        f"abc_{number}_{secret}",
        f"{prefix}_{'0' * 12}_{secret}",
        f"{prefix}_{number}_\udcff",
    ):
        assert tokens.find(wrong) is None, wrong


def test_the_file_has_the_hash_of_256_bits_and_only_its_owner_reads_it(
    tmp_path: Path,
) -> None:
    tokens = TokenFile(tmp_path)
    text = tokens.create("ci", ["read"]).text
    secret = text.split("_", 2)[2]
    assert len(secret) == 43  # 256 bits, six a letter
    kept = tokens.path.read_text()
    assert secret not in kept
    assert json.loads(kept)[0]["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(tokens.path.parent.stat().st_mode) == 0o700


def test_secrets_are_compared_in_constant_time_even_for_an_unknown_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(a: str, b: str) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", compare)
    tokens = TokenFile(tmp_path)
    tokens.create("ci", ["read"])
    assert tokens.find("qfl_000000000000_secret") is None
    assert len(compared) == 1


def test_a_token_is_good_until_it_expires(tmp_path: Path) -> None:
    now = [1000.0]
    tokens = TokenFile(tmp_path, wall=lambda: now[0])
    text = tokens.create("ci", ["read"], "1h").text
    now[0] = 4599.0
    assert tokens.find(text) is not None
    now[0] = 4600.0
    assert tokens.find(text) is None


def test_a_running_service_notices_at_once_what_another_process_revokes(
    tmp_path: Path,
) -> None:
    serving, typing = TokenFile(tmp_path), TokenFile(tmp_path)
    text = typing.create("ci", ["read"]).text
    assert serving.find(text) is not None
    typing.revoke("ci")
    assert serving.find(text) is None


@pytest.mark.parametrize(
    ("name", "scopes", "expires", "says"),
    [
        ("../x", ["read"], "1h", "a token cannot be called '../x'"),
        ("x", [], "1h", "a token without a scope can do nothing; type --scope read"),
        ("x", ["reed"], "1h", "there is no scope 'reed'; did you mean 'read'?"),
        ("x", ["read"], "soon", "a token cannot expire in 'soon'; type a duration"),
        ("x", ["read"], "0", "a token cannot expire in '0'"),
    ],
)
def test_what_no_token_can_be_is_said(
    name: str, scopes: list[str], expires: str, says: str
) -> None:
    with pytest.raises(BadOption, match=re.escape(says)):
        make(name, scopes, expires, now=0.0)


def test_two_tokens_of_one_name_are_refused_and_an_unknown_one_is_not_revoked(
    tmp_path: Path,
) -> None:
    tokens = TokenFile(tmp_path)
    tokens.create("ci", ["read"])
    with pytest.raises(BadOption, match="first by qflow token revoke ci"):
        tokens.create("ci", ["run"])
    with pytest.raises(BadOption, match="no token called 'cj'; known: ci"):
        tokens.revoke("cj")


def test_a_file_that_does_not_read_is_said(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    tokens.create("ci", ["read"])
    tokens.path.write_text("[{")
    with pytest.raises(StoreError, match=r"does not read .*; take it from a backup"):
        TokenFile(tmp_path).all()


def test_the_commands_make_list_and_revoke(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "create", "ci", "--scope", "read", "--scope", "run"]) == 0
    text = capsys.readouterr().out.strip()
    assert SHAPE.fullmatch(text)
    assert main(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert "ci" in listed
    assert "read,run" in listed
    assert text.split("_", 2)[2] not in listed
    assert main(["token", "revoke", "ci"]) == 0
    assert "is good for nothing any more" in capsys.readouterr().out
    assert TokenFile(home).find(text) is None
    assert main(["token", "revoke", "ci"]) == 1


def test_a_home_that_a_token_makes_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there"
    TokenFile(home).create("first", ["read"])
    assert oct(home.stat().st_mode & 0o777) == "0o700"


def test_a_token_that_was_found_is_good_until_it_is_revoked_or_expires(
    tmp_path: Path,
) -> None:
    now = [1000.0]
    file = TokenFile(tmp_path, wall=lambda: now[0])
    kept = file.find(file.create("kept", ["read"], "1h").text)
    gone = file.find(file.create("gone", ["read"], "1h").text)
    assert kept is not None
    assert gone is not None
    file.revoke("gone")
    assert [file.is_good(token) for token in (kept, gone)] == [True, False]
    now[0] += 3601
    assert not file.is_good(kept)
