"""The Dockerfile: what builds stays behind, what runs can do little."""

from __future__ import annotations

import re
import tomllib

from tests.deploy.files import DEPLOY, ROOT, image_environment, read

TEXT = (DEPLOY / "Dockerfile").read_text("utf-8")
LAST = TEXT.rpartition("\nFROM ")[2]


def test_last_stage_installs_nothing_and_takes_one_folder() -> None:
    assert not re.search(r"\b(apt-get|pip install|npm|cargo|curl|wget)\b", LAST)
    assert re.findall(r"^COPY (.*)$", LAST, re.MULTILINE) == [
        "--from=packages /opt/qflow /opt/qflow"
    ]


def test_last_stage_has_no_pip_of_its_base() -> None:
    assert "RUN python -m pip uninstall --yes pip" in LAST


def test_build_is_given_all_that_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    maturin = project["tool"]["maturin"]
    for folder in (*maturin["python-packages"], maturin["data"]):
        assert f"COPY {folder}/ {folder}/\n" in TEXT, folder


def test_it_runs_as_a_user_by_number_who_is_not_root() -> None:
    assert re.findall(r"^USER (.*)$", LAST, re.MULTILINE) == ["10001:10001"]


def test_base_images_have_versions() -> None:
    python = re.findall(r"^ARG PYTHON=(.*)$", TEXT, re.MULTILINE)[0]
    images = [
        line.split()[0].replace("python:${PYTHON}", f"python:{python}")
        for line in re.findall(r"^FROM (.*)$", TEXT, re.MULTILINE)
    ]
    assert len(images) == 4
    assert [each for each in images if not re.search(r":\d+\.?\d*-", each)] == []


def test_rust_of_the_image_is_the_one_that_the_crates_name() -> None:
    named = re.search(r'rust-version = "(.*)"', (ROOT / "Cargo.toml").read_text())
    assert named is not None
    assert f"FROM rust:{named[1]}-" in TEXT


def test_packages_come_in_the_versions_of_the_lock() -> None:
    installs = re.findall(r"pip install[^&]*", TEXT)
    assert len(installs) == 2
    assert all("--constraint" in each and ".lock" in each for each in installs)


def test_nothing_secret_and_nothing_of_the_tests_is_sent_to_the_build() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [each for each in lines if each and not each.startswith("#")]
    assert rules[0] == "*"
    taken = {each[1:] for each in rules if each.startswith("!")}
    copied = {
        path.split("/")[0] if path.startswith(("js", "rust")) else path.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE)
        for path in line.split()[:-1]
    }
    assert copied <= taken
    assert "**/.env" in rules


def test_what_npm_builds_here_is_not_sent_along() -> None:
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    built = [
        line.rstrip("/")
        for line in (ROOT / ".gitignore").read_text().splitlines()
        if line.endswith("/static/")
    ]
    assert len(built) == 2
    assert [each for each in built if each not in rules] == []


def test_health_is_asked_without_a_shell_and_without_curl() -> None:
    assert 'CMD ["python", "/opt/qflow/bin/healthcheck.py"]' in LAST
    assert "COPY deploy/healthcheck.py /opt/qflow/bin/healthcheck.py" in TEXT


def test_only_the_volume_and_the_temporary_folder_are_written() -> None:
    environment = image_environment()
    assert environment["QFLOW_HOME"] == "/data"
    for name in ("HOME", "IPYTHONDIR", "MPLCONFIGDIR"):
        assert environment[name].startswith("/tmp"), name
    qflow = read(DEPLOY / "compose.yaml")["services"]["qflow"]
    assert "home:/data" in qflow["volumes"]
    assert qflow["tmpfs"][0].startswith("/tmp:")
