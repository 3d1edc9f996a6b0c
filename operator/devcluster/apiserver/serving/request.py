"""What a request is about, from its method, path and query."""

from collections.abc import Mapping
from dataclasses import dataclass

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
TRUE = frozenset({"1", "true", "True", "t", "T", "TRUE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """A request for a resource. ``resource`` is empty for any other path."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""


def parse_request(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Read a request as Kubernetes' own RequestInfo does."""
    parts = [part for part in path.split("/") if part]
    plain = RequestInfo(verb=method.lower(), path=path)
    match parts:
        case ["api", version, resource, *rest]:
            group = ""
        case ["apis", group, version, resource, *rest]:
            pass
        case _:
            return plain
    namespace = ""
    if resource == "namespaces":
        if len(rest) >= 2 and rest[1] not in _NAMESPACE_SUBRESOURCES:
            namespace, resource, *rest = rest
        elif rest:
            namespace = rest[0]  # a namespace is in itself, for RBAC
    name = rest[0] if rest else ""
    return RequestInfo(
        verb=_verb(method, query, name),
        path=path,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        name=name or _selected_name(query),
        subresource=rest[1] if len(rest) > 1 else "",
        rest="/".join(rest[2:]),
    )


def _verb(method: str, query: Mapping[str, str], name: str) -> str:
    match method:
        case "GET" | "HEAD":
            if name:
                return "get"
            return "watch" if query.get("watch") in TRUE else "list"
        case "DELETE":
            return "delete" if name else "deletecollection"
        case _:
            return _VERBS.get(method, method.lower())


def _selected_name(query: Mapping[str, str]) -> str:
    """The name in ``fieldSelector=metadata.name=x``, which RBAC's resourceNames apply to."""
    for part in query.get("fieldSelector", "").split(","):
        key, _, value = part.partition("=")
        if key == "metadata.name":
            return value.removeprefix("=")
    return ""
