"""The ServiceAccount admission rule: the account of a pod, and the token it mounts."""

import random

from devcluster.apiserver import errors
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.storage.store import Key, Store

_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def admit_service_account(store: Store, pod: Object) -> None:
    """Fill in the account, and mount its token unless pod or account decline.

    Raises:
        ApiError: 403, there is no such account.
    """
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    name = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = name
    account = store.get(Key("serviceaccounts", namespace, name))
    if account is None:
        raise errors.forbidden(
            "pods",
            "",
            name_of(pod),
            f"error looking up service account {namespace}/{name}: serviceaccount "
            f'"{name}" not found',
        )
    if account.get("imagePullSecrets"):
        spec.setdefault("imagePullSecrets", account["imagePullSecrets"])
    mounts = spec.get(
        "automountServiceAccountToken", account.get("automountServiceAccountToken", True)
    )
    if mounts:
        _mount_token(spec)


def _mount_token(spec: Object) -> None:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    bare = [
        c
        for c in containers
        if all(m.get("mountPath") != _MOUNT for m in c.get("volumeMounts") or ())
    ]
    if not bare:
        return
    volume = "kube-api-access-" + "".join(random.choices(_SUFFIX, k=5))
    namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    spec["volumes"] = [
        *(spec.get("volumes") or ()),
        {"name": volume, "projected": {"sources": sources, "defaultMode": 0o644}},
    ]
    for container in bare:
        container["volumeMounts"] = [
            *(container.get("volumeMounts") or ()),
            {"name": volume, "readOnly": True, "mountPath": _MOUNT},
        ]
