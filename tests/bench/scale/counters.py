"""Request counters out of the text that Prometheus reads."""

import re
from collections import Counter

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Requests = Counter[str]
"""Requests by what they were: ``POST jobs``, ``PATCH synclogexports/status``."""


def samples(exposition: str, name: str) -> list[tuple[dict[str, str], float]]:
    """The samples of one metric: labels and value."""
    found = []
    for line in exposition.splitlines():
        if line.startswith((f"{name}{{", f"{name} ")):
            labels, _, value = line.removeprefix(name).rpartition(" ")
            found.append((dict(_LABEL.findall(labels)), float(value)))
    return found


def server_requests(exposition: str, resources: frozenset[str]) -> Requests:
    """What the API server has answered so far, for some resources; watches are left out."""
    counts: Requests = Counter()
    for labels, value in samples(exposition, "apiserver_request_total"):
        if labels["resource"] in resources and labels["verb"] not in ("WATCH", "CONNECT"):
            what = "/".join(filter(None, (labels["resource"], labels.get("subresource"))))
            counts[f"{labels['verb']} {what}"] += round(value)
    return counts


def operator_requests(exposition: str) -> Requests:
    """What the operator has asked for so far, by verb."""
    counts: Requests = Counter()
    for labels, value in samples(exposition, "synclog_operator_api_requests_total"):
        counts[labels["verb"]] += round(value)
    return counts


def total(exposition: str, name: str) -> float:
    """The sum of all samples of one metric."""
    return sum(value for _, value in samples(exposition, name))
