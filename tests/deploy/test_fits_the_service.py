"""Ports, paths, settings and metrics of ``deploy`` are those of the service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from deploy import healthcheck
from quantumflow_lab.service import meters
from quantumflow_lab.service.meters import Meters
from quantumflow_lab.service.routes import health
from quantumflow_lab.service.serving import CLOSING_S
from quantumflow_lab.service.settings import PREFIX, ServiceSettings
from quantumflow_lab.settings import Settings
from tests.deploy.files import (
    DEPLOY,
    METRIC,
    alerts,
    image_environment,
    manifest,
    queries,
    read,
)

SERIES = re.compile("_(total|bucket|sum|count)$")


def container() -> Any:
    (found,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def measured_text() -> str:
    """What Prometheus reads of a service to which something happened."""
    measured = Meters(["aer"])
    measured.request("/api/runs", "GET", 500, 0.01)
    measured.refused("token")
    measured.run("failed", ["aer"], 1.0)
    return measured.text().decode()


def test_every_setting_exists() -> None:
    files = [*DEPLOY.rglob("*.y*ml"), DEPLOY / "Dockerfile", DEPLOY / "README.md"]
    files += [DEPLOY / "smoke.sh", DEPLOY / "healthcheck.py"]
    named = {
        name
        for path in files
        for name in re.findall(r"\bQFLOW_[A-Z_]+\b", path.read_text("utf-8"))
    }
    own = {f"QFLOW_{name.upper()}" for name in Settings.model_fields}
    service = {f"{PREFIX}{name.upper()}" for name in ServiceSettings.model_fields}
    assert named - own - service == {"QFLOW_CPUS", "QFLOW_DOMAIN"}, "compose's own"


def test_threads_are_as_many_as_processors_that_may_be_used() -> None:
    """Else a machine with many of them leaves a worker no address space."""
    image = image_environment()
    compose = read(DEPLOY / "compose.yaml")["services"]["qflow"]
    pod = {each["name"]: each for each in container()["env"]}
    assert image["OPENBLAS_NUM_THREADS"] == "1"
    for name in ("OMP_THREAD_LIMIT", "RAYON_NUM_THREADS"):
        assert 1 <= int(image[name]) <= 4
        assert compose["environment"][name] == compose["cpus"]
        asked = pod[name]["valueFrom"]["resourceFieldRef"]
        assert asked == {"resource": "limits.cpu"}


def test_values_of_the_image_compose_and_manifests_are_taken() -> None:
    compose = read(DEPLOY / "compose.yaml")["services"]["qflow"]["environment"]
    settings = manifest("ConfigMap")["data"]
    for values in (image_environment(), compose, settings):
        given = {
            name.removeprefix(PREFIX).lower(): re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
            for name, value in values.items()
            if name.startswith(PREFIX)
        }
        assert given
        ServiceSettings(**given, _env_file=None)


def test_port_is_the_same_everywhere() -> None:
    port = ServiceSettings.model_fields["port"].default
    assert image_environment()["QFLOW_SERVICE_PORT"] == str(port)
    assert container()["ports"][0]["containerPort"] == port
    (scrape,) = read(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"qflow:{port}"]}]
    assert f"EXPOSE {port}\n" in (DEPLOY / "Dockerfile").read_text()


def test_probes_and_metrics_ask_routes_that_are_there() -> None:
    app = FastAPI()
    app.include_router(health.router)
    paths = set(app.openapi()["paths"])
    asked = {
        container()["livenessProbe"]["httpGet"]["path"],
        container()["readinessProbe"]["httpGet"]["path"],
        read(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"][0]["metrics_path"],
        healthcheck.PATH,
    }
    assert asked <= paths


def test_every_metric_that_is_asked_for_is_measured() -> None:
    text = measured_text()
    measured = set(re.findall(r"^(qflow_\w+)", text, re.MULTILINE))
    asked = {name for query in queries() for name in METRIC.findall(query)}
    assert asked - measured == set()
    shown = {SERIES.sub("", each) for each in asked}
    assert shown == {
        SERIES.sub("", each) for each in measured
    }, "all are on the dashboard"


def test_labels_and_their_values_are_those_of_the_service() -> None:
    text = measured_text()
    known = set(re.findall(r'(\w+)="', text)) | {"job"}
    for query in queries():
        for labels in re.findall(r"\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)(?:=|=~|!~)\"", labels)) <= known, query
    assert 'status="5xx"' in text
    assert 'state="failed"' in text


def test_reasons_of_alerts_are_those_that_are_counted() -> None:
    source = "".join(
        path.read_text() for path in Path(meters.__file__).parent.glob("*.py")
    )
    counted = set(re.findall(r'refused\("(\w+)"\)', source))
    asked = {
        reason
        for rule in alerts()
        for value in re.findall(r'reason=~?"([\w|]+)"', rule["expr"])
        for reason in value.split("|")
    }
    assert asked <= counted


def test_pod_has_the_time_that_leaving_takes() -> None:
    drain = float(manifest("ConfigMap")["data"]["QFLOW_SERVICE_DRAIN_SECONDS"])
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= drain + CLOSING_S + 10
    default = ServiceSettings.model_fields["drain_seconds"].default
    assert default + CLOSING_S + 10 <= 40, "stop_grace_period of compose"
