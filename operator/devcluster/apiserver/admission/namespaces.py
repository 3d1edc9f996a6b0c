"""Namespaces: they must exist, may not be going, and some may not go."""

from devcluster.apiserver import errors
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.storage.store import Key, Store

_IMMORTAL = frozenset({"default", "kube-public", "kube-system"})


def admit_into_namespace(store: Store, resource: Resource, obj: Object) -> None:
    """Refuse to create in a namespace that does not exist or is being deleted.

    Raises:
        ApiError: 404 or 403.
    """
    name = obj["metadata"]["namespace"]
    namespace = store.get(Key("namespaces", "", name))
    if namespace is None:
        raise errors.not_found("namespaces", "", name)
    if namespace["metadata"].get("deletionTimestamp"):
        error = errors.forbidden(
            resource.plural,
            resource.group,
            name_of(obj),
            f"unable to create new content in namespace {name} because it is being terminated",
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        error.details = {**(error.details or {}), "causes": [cause]}
        raise error


def admit_deletion(resource: Resource, obj: Object) -> None:
    """Refuse to delete the namespaces that a cluster cannot do without.

    Raises:
        ApiError: 403.
    """
    if resource.qualified == "namespaces" and name_of(obj) in _IMMORTAL:
        raise errors.forbidden("namespaces", "", name_of(obj), "this namespace may not be deleted")
