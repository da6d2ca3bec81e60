"""The manifests: one writer, no privilege, and names that fit each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.files import KUBERNETES, MANIFESTS, alerts, manifest, read

DEPLOYMENT = manifest("Deployment")
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
PODS = {"deployment": POD, "tokens": manifest("Pod")["spec"]}


def test_home_has_one_writer() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"] == {"type": "Recreate"}
    assert manifest("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize("name", sorted(PODS))
def test_pod_passes_the_restricted_standard(name: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards"""
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    kinds = {kind for each in pod["volumes"] for kind in each if kind != "name"}
    assert kinds == {"persistentVolumeClaim", "emptyDir"}


@pytest.mark.parametrize("name", sorted(PODS))
def test_what_is_written_is_mounted(name: str) -> None:
    (container,) = PODS[name]["containers"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts == {"home": "/data", "tmp": "/tmp"}


def test_labels_select_the_pods() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    selectors = [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        manifest("Service")["spec"]["selector"],
        manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert selectors == [labels] * 3
    monitored = manifest("ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert monitored == manifest("Service")["metadata"]["labels"]


def test_ports_go_by_one_name() -> None:
    (port,) = CONTAINER["ports"]
    (served,) = manifest("Service")["spec"]["ports"]
    assert port == {"name": "http", "containerPort": 8321}
    assert (served["name"], served["port"], served["targetPort"]) == (
        *("http", 8321, "http"),
    )
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[kind]["httpGet"]["port"] == "http"
    (rule,) = manifest("NetworkPolicy")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == ["http"]


def test_probes_ask_by_a_name_that_is_answered() -> None:
    hosts = environment()["QFLOW_SERVICE_HOSTS"].split(",")
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        (header,) = CONTAINER[kind]["httpGet"]["httpHeaders"]
        assert header["name"] == "Host"
        assert header["value"] in hosts
    assert "$(POD_IP)" in hosts, "Prometheus asks by the address of the pod"
    assert manifest("Ingress")["spec"]["rules"][0]["host"] in hosts


def environment() -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in CONTAINER["env"]}


def test_variable_that_another_one_names_comes_first() -> None:
    names = list(environment())
    assert names.index("POD_IP") < names.index("QFLOW_SERVICE_HOSTS")


def test_secrets_are_referred_to_and_not_here() -> None:
    kinds = [read(path)["kind"] for path in MANIFESTS]
    assert "Secret" not in kinds
    (secret,) = [
        each["secretRef"] for each in CONTAINER["envFrom"] if "secretRef" in each
    ]
    assert secret == {"name": "qflow-providers", "optional": True}
    settings = manifest("ConfigMap")["data"]
    assert not [name for name in settings if "TOKEN" in name or "KEY" in name]


def test_kustomization_has_every_manifest_of_its_folder() -> None:
    listed = set(read(KUBERNETES / "kustomization.yaml")["resources"])
    there = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert listed == there


def test_rules_of_the_operator_are_those_of_prometheus() -> None:
    (group,) = manifest("PrometheusRule")["spec"]["groups"]
    assert group["rules"] == alerts()


def test_cluster_itself_cannot_be_reached_from_the_pod() -> None:
    dns, outside = manifest("NetworkPolicy")["spec"]["egress"]
    assert [each["port"] for each in dns["ports"]] == [53, 53]
    assert [each["port"] for each in outside["ports"]] == [443]
    (block,) = [each["ipBlock"] for each in outside["to"]]
    assert "169.254.0.0/16" in block["except"], "metadata of the machine"
    assert "10.0.0.0/8" in block["except"]
