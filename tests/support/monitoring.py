"""What is shipped for Prometheus and Grafana."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
ALERTS = "docs/alerts.md"


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in an expression: ours, and those of every Python process."""
    return set(re.findall(r"\b(?:synclog|process)_[a-z_]+", expression))
