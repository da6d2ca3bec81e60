"""The numbers and names that several files must agree on."""

from __future__ import annotations

import ast
import itertools
import json
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "quantumflow_lab", ROOT / "quantumflow_lab_jupyter")
EXTENSION = (
    ROOT / "quantumflow_lab.data/data/share/jupyter/labextensions/quantumflow_lab"
)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
PINS = dict(line.split("==") for line in LOCK if not line.startswith("#"))


def requirements() -> list[Requirement]:
    project = PYPROJECT["project"]
    groups = PYPROJECT["dependency-groups"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *groups.values(),
    ]
    return [
        Requirement(line) for lines in lists for line in lines if isinstance(line, str)
    ]


def test_python_rust_and_javascript_carry_one_version() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    npm = json.loads((ROOT / "js" / "package.json").read_text(encoding="utf-8"))
    versions = {
        PYPROJECT["project"]["version"],
        cargo["workspace"]["package"]["version"],
        npm["version"],
        json.loads((EXTENSION / "package.json").read_text())["version"],
    }
    assert versions == {PYPROJECT["project"]["version"]}


@pytest.mark.parametrize("requirement", requirements(), ids=lambda r: r.name)
def test_the_lock_pins_what_the_project_asks_for(requirement: Requirement) -> None:
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_lock_files_carry_no_download_addresses() -> None:
    assert [line for line in LOCK if "://" in line or line.startswith("-")] == []
    npm = json.loads((ROOT / "js" / "package-lock.json").read_text(encoding="utf-8"))
    assert [
        name for name, entry in npm["packages"].items() if "resolved" in entry
    ] == []


def third_party_imports() -> set[str]:
    names = set()
    for path in (path for package in PACKAGES for path in package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {each.name for each in PACKAGES}


WITHOUT_BEING_ASKED = {"pandas", "pytest"}
"""Imported only where a person has them anyway; nothing else depends on them."""


def test_every_library_the_package_imports_is_declared() -> None:
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"].values()
    lines = itertools.chain(project["dependencies"], *extras)
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    owners = packages_distributions()
    undeclared = {
        name
        for name in third_party_imports() - WITHOUT_BEING_ASKED
        if not declared & {canonicalize_name(owner) for owner in owners.get(name, [])}
    }
    assert undeclared == set()
