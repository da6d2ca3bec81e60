"""The simulator sees bugs: each is put into a copy of the machine, which must fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.machine.seeded_bugs import BUGS, SeededBug

ROOT = Path(__file__).parents[2]
SCHEDULES = 5_000

# Built in a hurry, and with the arithmetic of a release: a bug has to be seen by an
# equality or a rule, not by an overflow.
PROFILE = """
[profile.release]
opt-level = 1
codegen-units = 8
incremental = true
lto = "off"
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the machine and its simulator, in a workspace of its own."""
    copy = tmp_path_factory.mktemp("seeded")
    workspace = (ROOT / "Cargo.toml").read_text()
    alone = re.sub(r"members = .*", 'members = ["core"]', workspace)
    (copy / "Cargo.toml").write_text(alone.split("[profile.release]")[0] + PROFILE)
    for part in ("src", "tests/world"):
        shutil.copytree(ROOT / "rust/core" / part, copy / "core" / part)
    for file in ("Cargo.toml", "examples/soak.rs"):
        (copy / "core" / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "rust/core" / file, copy / "core" / file)
    return copy


def soak(copy: Path) -> subprocess.CompletedProcess[str]:
    """Compiles the copy and runs its schedules."""
    settings = {"CARGO_TARGET_DIR": str(copy / "target"), "RUSTFLAGS": "-Awarnings"}
    options = ["--release", "--offline", "--quiet", "--example", "soak"]
    build = ["cargo", "build", *options]
    subprocess.run(build, cwd=copy, env=os.environ | settings, check=True, timeout=120)
    program = copy / "target/release/examples/soak"
    command = [str(program), "60", "0", str(SCHEDULES)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_machine_as_it_is_passes(copy: Path) -> None:
    run = soak(copy)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"{SCHEDULES} schedules from seed 0, ")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_seeded_bug_is_seen_and_shown_by_a_few_batches(
    bug: SeededBug, copy: Path
) -> None:
    source = copy / "core/src" / bug.file
    right = source.read_text()
    found = right.count(bug.text)
    assert found == 1, f"{bug.file} has {found} of: {bug.text}\nrenew seeded_bugs.py"
    source.write_text(right.replace(bug.text, bug.replacement))
    try:
        run = soak(copy)
    finally:
        source.write_text(right)
    assert run.returncode, f"{SCHEDULES} schedules passed although {bug.name}"
    shown = re.search(r"seed \d+: (.*)\n(\d+) of (\d+) batches are enough", run.stderr)
    assert shown, run.stderr


def test_the_page_lists_every_seeded_bug() -> None:
    page = (ROOT / "docs/scheduler.md").read_text()
    rows = re.findall(r"^\| (.*) \| .* \| \d+ of \d+ \|$", page, re.MULTILINE)
    assert rows == [bug.name for bug in BUGS]
