"""What checkers of compose, Kubernetes, GitHub and Docker say of the files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, MANIFESTS, ROOT, WORKFLOWS, read

BIN = Path(sys.executable).parent
OF_OTHERS = {"Kustomization", "ServiceMonitor", "PrometheusRule"}
"""Kinds that are not Kubernetes' own, so that it has no schema for them."""


def complaint(checker: str, *arguments: str | Path) -> str:
    """What a checker says of files that it refuses; nothing of those it accepts."""
    done = subprocess.run(
        [BIN / checker, *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.compose-spec", [DEPLOY / "compose.yaml"]),
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ],
)
def test_files_have_the_shape_of_their_schema(schema: str, files: list[Path]) -> None:
    assert complaint("check-jsonschema", "--builtin-schema", schema, *files) == ""


def test_manifests_have_the_shape_of_kubernetes() -> None:
    ours = [path for path in MANIFESTS if read(path)["kind"] not in OF_OTHERS]
    assert len(ours) == 8
    assert complaint("kubernetes-validate", "--strict", *ours) == ""


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert complaint("hadolint", DEPLOY / "Dockerfile") == ""
