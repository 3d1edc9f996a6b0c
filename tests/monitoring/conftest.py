"""What is shipped for Prometheus and Grafana, the metrics that there are, and promtool."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.monitoring import MONITORING
from synclog.controller.cache import Store
from synclog.controller.figures import Figures
from synclog.controller.metrics import Metrics
from synclog.controller.objects import export_of

_FETCHED = Path(sys.prefix) / "stores" / "prometheus" / "usr" / "bin"

BODY = {
    "metadata": {
        "uid": "1",
        "namespace": "team",
        "name": "prod",
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-02-28T00:00:00Z",
    },
    "spec": {
        "schedule": "0 2 * * *",
        "source": {"url": "https://api.example", "auth": {"apiClient": {"secretName": "s"}}},
        "range": {"rolling": {}},
        "destination": {"persistentVolumeClaim": {"claimName": "archive"}},
    },
    "status": {
        "effectiveSchedule": "0 2 * * *",
        "nextScheduleTimes": ["2026-03-02T02:00:00Z"],
        "lastSuccessfulTime": "2026-03-01T02:05:00Z",
        "coveredUntil": "2026-03-01T01:45:00Z",
        "coverage": {"dueUntil": "2026-03-01T01:45:00Z"},
        "consecutiveFailures": 1,
        "totals": {"events": 7, "bytes": 70, "lateEvents": 1, "runs": {"Succeeded/Exported": 4}},
        "conditions": [
            {
                "type": kind,
                "status": "True",
                "reason": "R",
                "lastTransitionTime": "2026-02-28T00:00:00Z",
            }
            for kind in ("Ready", "RetentionAtRisk")
        ],
    },
}


@pytest.fixture(scope="session")
def scraped():
    """What an operator with one export tells Prometheus."""
    exports = Store()
    exports.put(export_of(BODY))
    metrics = Metrics(Figures(exports), queue_depth=lambda: 0, is_leader=lambda: True)
    metrics.count_request("get", 200)
    metrics.schedule_skew.observe(1)
    metrics.run_duration.observe(1)
    metrics.reconcile_duration.observe(1)
    return metrics.render().decode()


@pytest.fixture(scope="session")
def rules():
    """The groups of rules."""
    return yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]


@pytest.fixture(scope="session")
def dashboard():
    return json.loads((MONITORING / "dashboard.json").read_text())


@pytest.fixture
def promtool(tmp_path):
    """Run promtool in a folder of its own; returns what it says, and fails where it fails."""
    program = shutil.which("promtool", path=_FETCHED) or shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool: make promtool gets it where there is apt-get")

    def run(*arguments):
        command = [program, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
