"""Resource quotas: numbers of objects, what pods request, what claims request.

Counted anew at each request. Quotas by priority class, and of single storage classes, are not
counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from devcluster.apiserver.errors import ApiError, forbidden
from devcluster.apiserver.kinds.pods import qos_class
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.schema.quantity import amount, canonical
from devcluster.apiserver.storage.store import Store

_FINISHED = frozenset({"Failed", "Succeeded"})
_COMPUTE = {
    prefix + name: (prefix.rstrip(".") or "requests", name)
    for prefix in ("", "requests.", "limits.")
    for name in ("cpu", "memory", "ephemeral-storage")
}
"""By the name that a quota has for it: where a container says how much it takes."""
_SCOPES = {
    "Terminating": lambda spec: spec.get("activeDeadlineSeconds") is not None,
    "NotTerminating": lambda spec: spec.get("activeDeadlineSeconds") is None,
    "BestEffort": lambda spec: qos_class(spec) == "BestEffort",
    "NotBestEffort": lambda spec: qos_class(spec) != "BestEffort",
}


def admit_quota(store: Store, resource: Resource, obj: Object) -> None:
    """Refuse an object that a quota has no room for, or cannot count.

    Raises:
        ApiError: 403.
    """
    if resource.table == "events":
        return
    namespace = obj["metadata"]["namespace"]
    for quota in store.list("resourcequotas", namespace):
        spec = quota.get("spec") or {}
        hard, scopes = spec.get("hard") or {}, spec.get("scopes") or ()
        if spec.get("scopeSelector") or not _covers(scopes, resource, obj):
            continue
        asked = {key: value for key, value in _usage(resource, obj).items() if key in hard}
        if lacks := list(_unspecified(resource, obj, hard)):
            text = f"failed quota: {name_of(quota)}: must specify {'; '.join(lacks)}"
            raise _refused(resource, obj, text)
        others = store.list(resource.table, namespace) if asked else ()
        used: Counter[str] = Counter()
        for other in others:
            if _covers(scopes, resource, other):
                used.update(_usage(resource, other))
        over = sorted(key for key in asked if asked[key] + used[key] > amount(hard[key]))
        if over:
            parts = (
                ",".join(f"{key}={_shown(key, each[key])}" for key in over)
                for each in (asked, used)
            )
            limited = ",".join(f"{key}={hard[key]}" for key in over)
            text = "exceeded quota: {}, requested: {}, used: {}, limited: {}"
            raise _refused(resource, obj, text.format(name_of(quota), *parts, limited))


def _refused(resource: Resource, obj: Object, why: str) -> ApiError:
    return forbidden(resource.plural, resource.group, name_of(obj), why)


def _covers(scopes: Sequence[str], resource: Resource, obj: Object) -> bool:
    """Whether a quota of these scopes speaks of the object; scopes are of pods only."""
    if not scopes:
        return True
    return resource.qualified == "pods" and all(
        _SCOPES[scope](obj["spec"]) for scope in scopes if scope in _SCOPES
    )


def _usage(resource: Resource, obj: Object) -> Mapping[str, Any]:
    """What one object takes, by the names that quotas have for it."""
    taken: dict[str, Any] = {f"count/{resource.qualified}": 1}
    match resource.qualified:
        case "pods" if (obj.get("status") or {}).get("phase") not in _FINISHED:
            taken["pods"] = 1
            for key, (field, name) in _COMPUTE.items():
                taken[key] = sum(
                    (amount(value) for value in _values(obj, field, name) if value), Decimal(0)
                )
        case "persistentvolumeclaims":
            taken[resource.qualified] = 1
            requests = (obj["spec"].get("resources") or {}).get("requests") or {}
            taken["requests.storage"] = amount(requests.get("storage", "0"))
        case "configmaps" | "secrets" | "services":
            taken[resource.qualified] = 1
        case _:
            pass
    return taken


def _values(pod: Object, field: str, name: str) -> Iterator[str | None]:
    for container in pod["spec"].get("containers") or ():
        yield ((container.get("resources") or {}).get(field) or {}).get(name)


def _unspecified(resource: Resource, obj: Object, hard: Mapping[str, str]) -> Iterator[str]:
    """What a quota limits and some container of a pod does not say."""
    if resource.qualified != "pods":
        return
    names = [container["name"] for container in obj["spec"].get("containers") or ()]
    for key in sorted(hard.keys() & _COMPUTE.keys()):
        values = _values(obj, *_COMPUTE[key])
        if silent := [name for name, value in zip(names, values, strict=True) if not value]:
            yield f"{key} for: {','.join(silent)}"


def _shown(key: str, value: Any) -> str:
    """An amount as quotas show it: bytes by powers of 1024, where they are whole kibibytes."""
    number = Decimal(value)
    if ("memory" in key or "storage" in key) and not number % 1024:
        return canonical(f"{int(number) // 1024}Ki")
    return canonical(str(number))
