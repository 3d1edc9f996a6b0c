"""The objects that a fresh cluster has: namespaces, roles, bindings, a service, classes."""

from collections.abc import Iterator, Sequence
from typing import Any

from devcluster.apiserver.access.rbac import GROUP
from devcluster.apiserver.objects import Object

_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_WORKLOADS: Sequence[tuple[str, Sequence[str]]] = (
    (
        "",
        (
            "configmaps",
            "events",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "pods/status",
            "serviceaccounts",
            "services",
        ),
    ),
    ("apps", ("deployments", "deployments/status")),
    ("batch", ("cronjobs", "cronjobs/status", "jobs", "jobs/status")),
    ("networking.k8s.io", ("networkpolicies",)),
    ("policy", ("poddisruptionbudgets",)),
)


def namespaces() -> Sequence[str]:
    """The namespaces of a fresh cluster."""
    return ("default", "kube-node-lease", "kube-public", "kube-system")


def _rules(verbs: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
        for group, resources in _WORKLOADS
    ]


def _role(name: str, rules: list[dict[str, Any]]) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        },
        "rules": rules,
    }


def _binding(name: str, *groups: str) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        },
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups],
    }


def objects() -> Iterator[Object]:
    """The other objects of a fresh cluster."""
    everything = ["*"]
    read_secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": [*_READ, *_WRITE]}
    read_roles = {
        "apiGroups": [GROUP],
        "resources": ["roles", "rolebindings"],
        "verbs": [*_READ, *_WRITE],
    }
    yield _role(
        "cluster-admin",
        [
            {"apiGroups": everything, "resources": everything, "verbs": everything},
            {"nonResourceURLs": everything, "verbs": everything},
        ],
    )
    yield _role("admin", [*_rules([*_READ, *_WRITE]), read_secrets, read_roles])
    yield _role("edit", [*_rules([*_READ, *_WRITE]), read_secrets])
    yield _role("view", _rules(_READ))
    health = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
    discovery = [*health, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]
    yield _role("system:public-info-viewer", [{"nonResourceURLs": health, "verbs": ["get"]}])
    yield _role("system:discovery", [{"nonResourceURLs": discovery, "verbs": ["get"]}])
    yield _role(
        "system:basic-user",
        [
            {
                "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                "verbs": ["create"],
            },
            {
                "apiGroups": ["authentication.k8s.io"],
                "resources": ["selfsubjectreviews"],
                "verbs": ["create"],
            },
        ],
    )
    yield _binding("cluster-admin", "system:masters")
    yield _binding("system:public-info-viewer", "system:authenticated", "system:unauthenticated")
    yield _binding("system:discovery", "system:authenticated")
    yield _binding("system:basic-user", "system:authenticated")
    for name, value in (
        ("system-cluster-critical", 2_000_000_000),
        ("system-node-critical", 2_000_001_000),
    ):
        yield {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
        }
