"""The alerts fire when they should, only then, and each is explained."""

import re
from pathlib import Path

import yaml

from support.monitoring import ALERTS, ROOT, metrics_in

TESTS = Path(__file__).with_name("alerts.test.yaml")


def alerts(rules):
    return [rule for group in rules["groups"] for rule in group["rules"]]


def test_the_alerts_fire_when_they_should_and_only_then(rules, promtool, tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / TESTS.name).write_text(TESTS.read_text())
    assert "SUCCESS" in promtool("check", "rules", "rules.yaml")
    assert "SUCCESS" in promtool("test", "rules", TESTS.name)


def test_each_alert_was_seen_to_fire_and_to_be_silent(rules):
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    seen = [case for test in tests for case in test["alert_rule_test"]]
    names = {alert["alert"] for alert in alerts(rules)}
    for fires in (True, False):
        assert {case["alertname"] for case in seen if bool(case["exp_alerts"]) is fires} == names


def test_they_ask_for_metrics_that_there_are(rules, scraped):
    for alert in alerts(rules):
        asked = metrics_in(alert["expr"])
        assert asked
        for metric in asked:
            assert f"\n{metric}" in scraped, alert["alert"]


def test_each_has_a_section_that_tells_what_to_do(rules):
    sections = re.findall(r"^## (\w+)\n\n\*(\w+)\.\*", (ROOT / ALERTS).read_text(), re.MULTILINE)
    found = [(alert["alert"], alert["labels"]["severity"]) for alert in alerts(rules)]
    assert sections == found
    for alert in alerts(rules):
        url = alert["annotations"]["runbook_url"]
        assert url.endswith(f"/{ALERTS}#{alert['alert'].lower()}")
