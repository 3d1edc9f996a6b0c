"""Discovery: which groups, versions and resources there are, in both forms."""

from collections.abc import Sequence
from typing import Any

from devcluster.apiserver.errors import NoSuchPathError
from devcluster.apiserver.kinds.resource import Resource, Scheme
from devcluster.apiserver.serving.negotiate import JSON, MediaType

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2+devcluster",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
}


def wants_aggregated(accept: Sequence[MediaType]) -> bool:
    """Whether the aggregated form is what the client likes best of what there is."""
    for entry in accept:
        parameters = entry.parameters
        if entry.type == JSON and parameters.get("as") == "APIGroupDiscoveryList":
            if parameters.get("v") == "v2":
                return True
        elif entry.type in {JSON, "*/*"} and "as" not in parameters:
            return False
    return False


def aggregated(scheme: Scheme, *, core: bool) -> dict[str, Any]:
    """``APIGroupDiscoveryList`` for ``/api`` (core) or ``/apis``."""
    items = []
    for group, versions in scheme.groups().items():
        if (group == "") is not core:
            continue
        items.append(
            {
                "metadata": {"name": group} if group else {"creationTimestamp": None},
                "versions": [
                    {
                        "version": version,
                        "resources": [_discovered(r) for r in _resources(scheme, group, version)],
                        "freshness": "Current",
                    }
                    for version in versions
                ],
            }
        )
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _resources(scheme: Scheme, group: str, version: str) -> list[Resource]:
    return [r for r in scheme if (r.group, r.version) == (group, version)]


def _discovered(resource: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind},
                "verbs": list(sub.verbs),
            }
            for sub in resource.subresources
        ]
    return entry


def core_versions(address: str) -> dict[str, Any]:
    """``/api``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(scheme: Scheme) -> dict[str, Any]:
    """``/apis``."""
    groups = [group_document(scheme, group) for group in scheme.groups() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group_document(scheme: Scheme, group: str) -> dict[str, Any]:
    """One group, without the type when it stands in a list.

    Raises:
        NoSuchPathError: there is none.
    """
    versions = scheme.groups().get(group)
    if not versions or not group:
        raise NoSuchPathError
    entries = [{"groupVersion": f"{group}/{v}", "version": v} for v in versions]
    return {"name": group, "versions": entries, "preferredVersion": entries[0]}


def resource_list(scheme: Scheme, group: str, version: str) -> dict[str, Any]:
    """``/api/v1`` and ``/apis/<group>/<version>``.

    Raises:
        NoSuchPathError: there is none.
    """
    found = _resources(scheme, group, version)
    if not found:
        raise NoSuchPathError
    entries = []
    for resource in found:
        entry: dict[str, Any] = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        entries.append(entry)
        for sub in resource.subresources:
            below = {
                "name": f"{resource.plural}/{sub.name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": sub.kind,
                "verbs": list(sub.verbs),
            }
            if sub.group:
                below |= {"group": sub.group, "version": sub.version}
            entries.append(below)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": entries,
    }
