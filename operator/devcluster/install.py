"""Installing the product into a cluster as ``deploy/`` says, for the demo and the tests.

The operator runs as a local process, but as its own service account: it may do what the rules
in ``deploy/base/rbac.yaml`` say, and nothing else.
"""

import asyncio
import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from devcluster.client import (
    NAMESPACES,
    SERVICE_ACCOUNTS,
    Client,
    ConflictError,
    NotFoundError,
    Object,
    Resource,
)
from synclog.api import names

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "synclog-system"
ACCOUNT = "synclog-operator"

EXPORTS = Resource(names.API_VERSION, names.PLURAL, names.KIND)
_RBAC = "rbac.authorization.k8s.io/v1"
KINDS = {
    resource.kind: resource
    for resource in (
        NAMESPACES,
        SERVICE_ACCOUNTS,
        Resource(
            "apiextensions.k8s.io/v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            namespaced=False,
        ),
        Resource(_RBAC, "clusterroles", "ClusterRole", namespaced=False),
        Resource(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
        Resource(_RBAC, "roles", "Role"),
        Resource(_RBAC, "rolebindings", "RoleBinding"),
    )
}
"""The kinds of objects that are installed, by name."""
_FILES = (
    "crds/synclogexports.synclog.dev.yaml",
    "deploy/base/namespace.yaml",
    "deploy/base/service-account.yaml",
    "deploy/base/rbac.yaml",
    "deploy/base/rbac-users.yaml",
)


def manifests() -> Iterator[tuple[Resource, Object]]:
    """What an operator outside the cluster needs in it: the CRD, its account and its rules."""
    for file in _FILES:
        for document in yaml.safe_load_all((ROOT / file).read_text(encoding="utf-8")):
            resource = KINDS[document["kind"]]
            if resource.namespaced:
                document["metadata"]["namespace"] = NAMESPACE
            yield resource, document


async def apply(client: Client, resource: Resource, document: Object) -> Object:
    """Create an object, or put it in the place of the one that is there."""
    namespace, name = document["metadata"].get("namespace", ""), document["metadata"]["name"]
    with contextlib.suppress(ConflictError):
        return await client.create(resource, namespace, document)
    version = (await client.get(resource, namespace, name))["metadata"]["resourceVersion"]
    metadata = {**document["metadata"], "resourceVersion": version}
    return await client.replace(resource, {**document, "metadata": metadata})


async def install(client: Client) -> None:
    """Apply the manifests, and wait until SyncLogExports are served."""
    for resource, document in manifests():
        await apply(client, resource, document)
    for _ in range(100):
        with contextlib.suppress(NotFoundError):
            await client.list(EXPORTS)
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the API server does not serve SyncLogExports")


async def operator_token(client: Client, account: str = ACCOUNT) -> str:
    """A token of the operator's service account, or of another one beside it, good for a day."""
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 24 * 3600},
    }
    answer = await client.create(SERVICE_ACCOUNTS, NAMESPACE, request, name=account, sub="token")
    return str(answer["status"]["token"])


def write_kubeconfig(target: Path, admin: Path, token: str) -> Path:
    """Write a kubeconfig that uses a token.

    Args:
        target: the file to write.
        admin: an administrator's kubeconfig, for the server's address and authority.
        token: the bearer token.
    """
    config: dict[str, Any] = yaml.safe_load(admin.read_text(encoding="utf-8"))
    cluster = dict(config["clusters"][0]["cluster"])
    if "certificate-authority" in cluster:
        authority = admin.parent / cluster.pop("certificate-authority")
        data = base64.b64encode(authority.read_bytes()).decode()
        cluster["certificate-authority-data"] = data
    context = {"cluster": "cluster", "user": ACCOUNT, "namespace": NAMESPACE}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": ACCOUNT,
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": ACCOUNT, "user": {"token": token}}],
        "contexts": [{"name": ACCOUNT, "context": context}],
    }
    target.touch(mode=0o600)
    target.write_text(yaml.safe_dump(document), encoding="utf-8")
    return target
