"""Each panel of the dashboard shows something, of metrics that there are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.monitoring import MONITORING, metrics_in

WHERE = {"instance": "10.0.0.1:8080", "pod": "synclog-operator-0", "job": "synclog-operator"}
VARIABLES = {"$namespace": "team", "$name": "prod", "$__rate_interval": "5m"}
PAST = 60
"""Seconds after promtool's begin of time: each time stamp is made to be over."""


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard):
    return [(p["title"], target["expr"]) for p in panels(dashboard) for target in p["targets"]]


def filled_in(query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def series(scraped):
    """The scraped samples as series of promtool: counters and buckets grow."""
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            labels = {**sample.labels, **WHERE}
            told = ",".join(f'{label}="{value}"' for label, value in labels.items())
            value = PAST if sample.name.endswith("_timestamp_seconds") else sample.value
            step = 1 if family.type in {"counter", "histogram"} else 0
            yield {"series": f"{sample.name}{{{told}}}", "values": f"{value:.0f}+{step}x60"}


def test_each_query_finds_something(dashboard, scraped, promtool, tmp_path):
    cases = [
        {
            "expr": f"count({filled_in(query)}) > bool 0",
            "eval_time": "30m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for _, query in queries(dashboard)
    ]
    test = {"interval": "1m", "input_series": list(series(scraped)), "promql_expr_test": cases}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"tests": [test]}))
    assert "SUCCESS" in promtool("test", "rules", "test.yaml")


def test_queries_ask_for_metrics_that_there_are(dashboard, scraped):
    for title, query in queries(dashboard):
        asked = metrics_in(query)
        assert asked, title
        for metric in asked:
            assert f"\n{metric}" in scraped, title


def test_every_metric_is_shown_or_alerted_on(dashboard, rules, scraped):
    told = {
        family.name
        for family in text_string_to_metric_families(scraped)
        if family.name.startswith("synclog_") and not family.name.endswith("_created")
    }
    shown = metrics_in(f"{queries(dashboard)} {rules}")
    plain = {re.sub("_(total|bucket)$", "", name) for name in shown}
    assert told - plain == {"synclog_export_last_success_timestamp_seconds"}


def test_panels_say_what_they_are_and_lie_beside_each_other(dashboard):
    taken = set()
    for panel in panels(dashboard):
        assert panel["description"]
        grid = panel["gridPos"]
        cells = {
            (grid["x"] + across, grid["y"] + down)
            for across in range(grid["w"])
            for down in range(grid["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_kustomize_makes_them_ready_to_be_applied():
    kubectl = Path(sys.executable).with_name("kubectl")
    if not kubectl.exists():
        pytest.skip("there is no kubectl beside Python")
    built = subprocess.run(
        [kubectl, "kustomize", MONITORING], capture_output=True, text=True, check=True
    ).stdout
    made = {document["kind"]: document for document in yaml.safe_load_all(built)}
    assert set(made) == {"ConfigMap", "PrometheusRule", "ServiceMonitor"}
    for document in made.values():
        assert document["metadata"]["namespace"] == "synclog-system"
    dashboard = (MONITORING / "dashboard.json").read_text()
    assert made["ConfigMap"]["data"] == {"synclog.json": dashboard}
    assert made["ServiceMonitor"]["spec"]["endpoints"][0]["honorLabels"] is True


def test_panels_are_of_kinds_that_grafana_has(dashboard):
    known = {"row", "stat", "table", "timeseries", "state-timeline", "gauge", "bargauge"}
    assert {panel["type"] for panel in dashboard["panels"]} <= known
