"""Plain HTTP to a Kubernetes API server: what the conformance tests ask, and what comes back."""

import contextlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from devcluster.cluster import Cluster

PATIENCE = 30.0
"""Seconds after which something that should have happened long ago fails a test."""

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"

CORE = "/api/v1/namespaces"
JOBS = "/apis/batch/v1/namespaces"
EXPORTS = "/apis/synclog.dev/v1beta1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

Document = dict[str, Any]


class Api:
    """An API server as one of its users sees it."""

    def __init__(self, cluster: Cluster, token: str | None = None) -> None:
        self._cluster = cluster
        self._others: list[Api] = []
        connection = cluster.connection
        context = ssl.create_default_context(cafile=str(connection.ca))
        used = connection.token if token is None else token
        self.http = httpx.Client(
            base_url=connection.server,
            verify=context,
            headers={"Authorization": f"Bearer {used}"} if used else {},
            timeout=30,
            trust_env=False,
        )

    def as_user(self, token: str) -> "Api":
        """The same server, asked by somebody else; an empty token is nobody."""
        other = Api(self._cluster, token)
        self._others.append(other)
        return other

    def close(self) -> None:
        """Let go of the connections, of the other users' too."""
        for other in self._others:
            other.close()
        self.http.close()

    def get(self, path: str, accept: str | None = None, **query: str) -> httpx.Response:
        headers = {"Accept": accept} if accept else {}
        return self.http.get(path, params=query, headers=headers)

    def post(self, path: str, body: Any, **query: str) -> httpx.Response:
        return self.http.post(path, json=body, params=query)

    def put(self, path: str, body: Any, **query: str) -> httpx.Response:
        return self.http.put(path, json=body, params=query)

    def patch(self, path: str, body: Any, kind: str = MERGE, **query: str) -> httpx.Response:
        headers = {"Content-Type": kind}
        return self.http.patch(path, content=json.dumps(body), headers=headers, params=query)

    def delete(self, path: str, body: Any = None, **query: str) -> httpx.Response:
        return self.http.request("DELETE", path, json=body, params=query)

    def made(self, path: str, body: Any) -> Document:
        """Create what must be creatable."""
        return ok(self.post(path, body), 201)

    def read(self, path: str, **query: str) -> Document:
        """Get what must be there."""
        return ok(self.get(path, **query))

    def names(self, path: str, **query: str) -> list[str]:
        """The names in a list, without those that every namespace has."""
        items = self.read(path, **query)["items"]
        names = [item["metadata"]["name"] for item in items]
        return [name for name in names if not name.endswith("ca.crt")]

    @contextlib.contextmanager
    def watching(self, path: str, seconds: int = 20, **query: str) -> Iterator[Iterator[Document]]:
        """The events of a watch, as they come."""
        params = {"watch": "true", "timeoutSeconds": str(seconds), **query}
        with self.http.stream("GET", path, params=params) as answer:
            if answer.status_code != 200:
                answer.read()
                raise AssertionError(f"{answer.status_code} {answer.text}")
            yield (json.loads(line) for line in answer.iter_lines() if line)

    def events(self, path: str, seconds: int = 2, **query: str) -> list[Document]:
        """Every event of a watch that ends by itself."""
        with self.watching(path, seconds, **query) as events:
            return list(events)


def ok(answer: httpx.Response, code: int = 200) -> Document:
    """The document of an answer that must have this code."""
    assert answer.status_code == code, f"{answer.request.url}: {answer.status_code} {answer.text}"
    document: Document = answer.json()
    return document


def refused(answer: httpx.Response, code: int, reason: str) -> str:
    """The message of a refusal that must have this code and reason."""
    status = ok(answer, code)
    assert (status["kind"], status["status"], status["reason"]) == ("Status", "Failure", reason)
    assert status["code"] == code
    message: str = status["message"]
    return message


def eventually(look: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What a look finds; fails the test where it never finds anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")


def config_map(name: str, **metadata: Any) -> Document:
    """A ConfigMap: the plainest object there is."""
    return {"metadata": {"name": name, **metadata}, "data": {"key": "value"}}


def pod(name: str = "p", **spec: Any) -> Document:
    """A pod with one container."""
    containers = [{"name": "c", "image": "busybox:1"}]
    return {"metadata": {"name": name}, "spec": {"containers": containers, **spec}}


def job(name: str = "j", pod_spec: Document | None = None, **spec: Any) -> Document:
    """A suspended Indexed Job: an object that no controller runs."""
    template = {
        "restartPolicy": "Never",
        "containers": [{"name": "c", "image": "busybox:1"}],
        **(pod_spec or {}),
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "suspend": True,
            "completionMode": "Indexed",
            "completions": 3,
            "parallelism": 2,
            "backoffLimitPerIndex": 1,
            **spec,
            "template": {"spec": template},
        },
    }


def export(name: str = "export", **spec: Any) -> Document:
    """A SyncLogExport that says no more than it must."""
    return {
        "apiVersion": "synclog.dev/v1beta1",
        "kind": "SyncLogExport",
        "metadata": {"name": name},
        "spec": {
            "schedule": "@hourly",
            "source": {
                "url": "https://console.example",
                "auth": {"apiClient": {"secretName": "code42"}},
            },
            "range": {"rolling": {}},
            "destination": {"persistentVolumeClaim": {"claimName": "archive"}},
            **spec,
        },
    }


def export_with(path: str, value: Any) -> Document:
    """That SyncLogExport with one field set, or with ``...`` removed."""
    body = export()
    *steps, last = path.split(".")
    place = body
    for step in steps:
        place = place.setdefault(step, {})
    if value is ...:
        place.pop(last)
    else:
        place[last] = value
    return body
