"""Compose: every container is locked up, and only a proxy is open to others."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.deploy.files import DEPLOY, ROOT, read

FILE = read(DEPLOY / "compose.yaml")
SERVICES: dict[str, Any] = FILE["services"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_service_is_locked_up(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["cpus"]
    assert not service.get("privileged")
    assert not any("docker.sock" in each for each in service["volumes"])


def test_two_processors_are_enough_to_start() -> None:
    """Docker refuses a container that may use more than the machine has."""
    asked = {
        name: float(re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", str(service["cpus"])))
        for name, service in SERVICES.items()
    }
    assert max(asked.values()) <= 2


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_image_has_a_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert tag
    assert tag != "latest"


def test_only_the_proxy_is_open_to_other_machines() -> None:
    opened = {
        name
        for name, service in SERVICES.items()
        for port in service.get("ports", ())
        if not port.startswith("127.0.0.1:")
    }
    assert opened == {"proxy"}
    assert SERVICES["proxy"]["profiles"] == ["tls"]


def test_secrets_are_files_and_no_values() -> None:
    assert {each["file"].split("/")[1] for each in FILE["secrets"].values()} == {
        "secrets"
    }
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            secret = any(word in name for word in ("TOKEN", "PASSWORD", "KEY"))
            assert not secret or value is None or name.endswith("__FILE"), name


def test_folders_that_are_mounted_are_there() -> None:
    for service in SERVICES.values():
        for each in service["volumes"]:
            source = each.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_dir(), source
            else:
                assert source in FILE["volumes"]


def test_there_is_time_to_leave_in_good_order() -> None:
    assert SERVICES["qflow"]["stop_grace_period"] == "40s"
    assert SERVICES["qflow"]["init"] is True
