"""The files of ``deploy``, read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
MANIFESTS = [*sorted(KUBERNETES.glob("*.yaml")), *sorted(KUBERNETES.glob("*/*.yaml"))]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

METRIC = re.compile(r"\bqflow_[a-z_]+")


def read(path: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def manifest(kind: str) -> Any:
    """The manifest of a kind."""
    (found,) = [each for path in MANIFESTS if (each := read(path))["kind"] == kind]
    return found


def dashboard() -> Any:
    return json.loads((DEPLOY / "grafana/dashboards/qflow.json").read_text("utf-8"))


def alerts() -> list[dict[str, Any]]:
    (group,) = read(DEPLOY / "prometheus" / "alerts.yml")["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def queries() -> list[str]:
    """Every PromQL of dashboard and alerts."""
    board = dashboard()
    asked = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    asked += [each["query"]["query"] for each in board["templating"]["list"]]
    return asked + [rule["expr"] for rule in alerts()]


def image_environment() -> dict[str, str]:
    """What ``ENV`` of the last stage sets."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2]
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    return dict(re.findall(r"(\w+)=(\S+)", block))
