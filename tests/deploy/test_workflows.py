"""GitHub's workflows: pinned, with few rights, and clean to an auditor."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.files import ROOT, WORKFLOWS, read

PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+){2}$")


def name(path: Path) -> str:
    return path.stem


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(path)["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    used = re.findall(r"uses: (.*)$", path.read_text("utf-8"), re.MULTILINE)
    loose = [
        each for each in used if not each.startswith("$/") and not PINNED.match(each)
    ]
    assert loose == []


def test_one_action_has_one_version() -> None:
    pins = {
        each.partition("@")[::2]
        for path in WORKFLOWS
        for each in re.findall(r"uses: (\w.*)$", path.read_text("utf-8"), re.MULTILINE)
    }
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_workflow_may_read_and_no_more(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}


def test_only_publishing_may_ask_for_an_identity_and_only_notes_may_write() -> None:
    rights = {
        (path.stem, job): what["permissions"]
        for path in WORKFLOWS
        for job, what in jobs(path).items()
        if "permissions" in what
    }
    assert rights == {
        ("release", "publish"): {"id-token": "write"},
        ("release", "notes"): {"contents": "write"},
    }


def test_publishing_is_approved_in_its_environment_and_has_no_password() -> None:
    publish = jobs(ROOT / ".github/workflows/release.yml")["publish"]
    assert publish["environment"]["name"] == "pypi"
    assert "secrets." not in str(publish)
    assert publish["needs"] == "wheels"


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_jobs_end_by_themselves(path: Path) -> None:
    endless = [
        job
        for job, what in jobs(path).items()
        if "uses" not in what and "timeout-minutes" not in what
    ]
    assert endless == []


def test_wheels_are_built_by_the_maturin_of_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    (locked,) = re.findall(r"^maturin==(.*)$", lock, re.MULTILINE)
    text = (ROOT / ".github/workflows/wheels.yml").read_text()
    assert set(re.findall(r"maturin-version: v(.*)$", text, re.MULTILINE)) == {locked}


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--quiet", "--no-progress", ROOT / ".github"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
