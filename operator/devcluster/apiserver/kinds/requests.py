"""What a container asks for: the rules for its resources."""

from collections.abc import Iterator, Mapping
from typing import Any

from devcluster.apiserver.errors import Cause, forbidden_field, invalid_value, required
from devcluster.apiserver.kinds.labels import key_causes
from devcluster.apiserver.schema.quantity import amount

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_NOT_FULL = "must be a standard resource type or fully qualified"
_NOT_FOR_CONTAINERS = "must be a standard resource for containers"
_ELSEWHERE = frozenset(
    {
        "configmaps", "limits.cpu", "limits.memory", "persistentvolumeclaims", "pods",
        "replicationcontrollers", "requests.cpu", "requests.memory", "resourcequotas", "secrets",
        "services", "storage",
    }
)  # fmt: skip
"""Standard names too, of what quotas count and volumes have."""


def resource_causes(resources: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What is wrong with a container's requests and limits."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, quantities in (("limits", limits), ("requests", requests)):
        for name, value in quantities.items():
            yield from _quantity_causes(name, value, f"{path}.{field}[{name}]")
    for name, value in requests.items():
        yield from _request_causes(name, value, limits.get(name), path)
    names = {*limits, *requests}
    if any(_huge(name) for name in names) and not names & {"cpu", "memory"}:
        yield forbidden_field(path, "HugePages require cpu or memory")
    for index, claim in enumerate(resources.get("claims") or ()):
        detail = "must be one of the names in pod.spec.resourceClaims which is empty"
        shown = f'Not found: "{claim.get("name", "")}": {detail}'
        yield Cause(f"{path}.claims[{index}]", "FieldValueNotFound", shown)


def _huge(name: str) -> bool:
    return name.startswith("hugepages-")


def _extended(name: str) -> bool:
    return "/" in name and not name.startswith("requests.")


def _quantity_causes(name: str, value: str, path: str) -> Iterator[Cause]:
    yield from key_causes(name, path)
    if "/" not in name and not _huge(name) and name not in _STANDARD:
        if name not in _ELSEWHERE:
            yield invalid_value(path, name, _NOT_FULL)
        yield invalid_value(path, name, _NOT_FOR_CONTAINERS)
    number = amount(value)
    if number < 0:
        yield invalid_value(path, value, "must be greater than or equal to 0")
    if _extended(name) and number != int(number):
        yield invalid_value(path, value, "must be an integer")


def _request_causes(name: str, value: str, limit: str | None, path: str) -> Iterator[Cause]:
    fixed = _extended(name) or _huge(name)
    if limit is None:
        if fixed:
            detail = "Limit must be set for non overcommitable resources"
            yield required(f"{path}.limits", detail)
    elif fixed and amount(value) != amount(limit):
        yield invalid_value(f"{path}.requests", value, f"must be equal to {name} limit of {limit}")
    elif amount(value) > amount(limit):
        yield invalid_value(
            f"{path}.requests", value, f"must be less than or equal to {name} limit of {limit}"
        )
