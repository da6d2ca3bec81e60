"""The house keeps its promises: targets exist, checks fail where they should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_make_lists_every_target_a_person_may_type() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "-C", ROOT],
        capture_output=True,
        text=True,
        check=True,
    )
    targets = re.findall(r"^  make (\S+)", listed.stdout, re.MULTILINE)
    assert set(targets) >= {
        *("setup", "demo", "lab", "test", "check", "bench", "screenshots", "docs"),
        *("clean", "fmt", "lint", "types", "stubs", "rust", "js"),
    }


@pytest.mark.parametrize(
    "name", [".ci/run", ".github/workflows/ci.yml", ".pre-commit-config.yaml"]
)
def test_gate_workflow_and_hooks_call_targets_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    called = re.findall(r"^\s*(?:entry: )?make ([a-z-]+)", text, re.MULTILINE)
    defined = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert [target for target in called if target not in defined] == []
    assert called or ".ci/run" in text


@pytest.mark.parametrize(
    ("browser", "ci", "outcome"),
    [(True, "", "1 passed"), (False, "", "1 skipped"), (False, "true", "1 error")],
)
def test_a_missing_chromium_skips_at_home_and_fails_in_ci(
    tmp_path: Path, *, browser: bool, ci: str, outcome: str
) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text("def test_it(chromium_path): pass\n")
    if browser:
        (tmp_path / "chromium").touch(mode=0o755)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(tmp_path), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout
