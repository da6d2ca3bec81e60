"""Dashboard, alerts and their provisioning agree with each other."""

from __future__ import annotations

import re

from tests.deploy.files import DEPLOY, alerts, dashboard, queries, read

SEVERITIES = {"critical", "warning"}


def test_every_panel_asks_the_provisioned_source() -> None:
    (source,) = read(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")[
        "datasources"
    ]
    used = {
        target["datasource"]["uid"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    }
    assert used == {source["uid"]}


def test_panels_lie_side_by_side_and_have_words() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & mine, panel["title"]
        assert max(x for x, _ in mine) < 24
        cells |= mine
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"]
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))


def test_dashboard_is_where_compose_and_provisioning_look() -> None:
    (provider,) = read(DEPLOY / "grafana/provisioning/dashboards/qflow.yml")[
        "providers"
    ]
    grafana = read(DEPLOY / "compose.yaml")["services"]["grafana"]
    folder = provider["options"]["path"]
    assert f"./grafana/dashboards:{folder}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/qflow.json"


def test_brackets_of_every_query_are_closed() -> None:
    for query in queries():
        bare = re.sub(r'"[^"]*"', '""', query)
        for opened, closed in ("()", "{}", "[]"):
            assert bare.count(opened) == bare.count(closed), query


def test_every_alert_says_what_and_what_to_do() -> None:
    readme = (DEPLOY / "README.md").read_text("utf-8")
    for rule in alerts():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in SEVERITIES
        assert set(rule["annotations"]) == {"summary", "description"}
        assert f"| `{rule['alert']}` |" in readme


def test_alerts_go_by_the_job_that_is_scraped() -> None:
    (scrape,) = read(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    for rule in alerts():
        jobs = set(re.findall(r'job="(\w+)"', rule["expr"]))
        assert jobs == {scrape["job_name"]}, rule["alert"]


def test_prometheus_reads_its_token_from_the_secret_of_compose() -> None:
    (scrape,) = read(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    prometheus = read(DEPLOY / "compose.yaml")["services"]["prometheus"]
    secret = scrape["authorization"]["credentials_file"].rpartition("/")[2]
    assert prometheus["secrets"] == [secret]
