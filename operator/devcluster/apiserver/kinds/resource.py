"""A resource: one kind in one version, as discovery shows it and the registry keeps it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object
from devcluster.apiserver.schema.node import Node

ALL_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)

METADATA_FIELDS: Mapping[str, Sequence[str]] = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """A path below an object, such as ``/status``."""

    name: str
    kind: str
    group: str = ""
    version: str = ""
    verbs: tuple[str, ...] = ("get", "patch", "update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; ``value`` takes the object and gives the cell."""

    name: str
    value: Callable[[Object], Any]
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind in one version.

    Attributes:
        node: The schema of the whole object.
        storage: Where objects are kept: versions of one resource share it.
        custom: Whether a CustomResourceDefinition made it.
        selectable: What field selectors may name, and where the value stands.
        columns: What tables show between name and age; all columns when ``custom``.
        encode: From the stored form to this version's, for versions that differ.
        decode: From this version's form to the stored one.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    node: Node
    strategy: Strategy = field(default_factory=Strategy)
    storage: str = ""
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    custom: bool = False
    selectable: Mapping[str, Sequence[str]] = field(default_factory=lambda: METADATA_FIELDS)
    columns: tuple[Column, ...] | None = None
    encode: Callable[[Object], Object] | None = None
    decode: Callable[[Object], Object] | None = None

    @property
    def api_version(self) -> str:
        """``batch/v1``, or ``v1`` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """``jobs.batch``, or ``pods`` in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def table(self) -> str:
        """The name under which the store keeps the objects."""
        return self.storage or self.qualified

    @property
    def error_group(self) -> str:
        """The group that refusals name: the one that the objects are kept under."""
        return self.table.partition(".")[2]

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of this name."""
        return next((sub for sub in self.subresources if sub.name == name), None)


class Scheme:
    """Which resources exist; CustomResourceDefinitions come and go."""

    def __init__(self, builtin: Sequence[Resource]) -> None:
        self._resources = {(r.group, r.version, r.plural): r for r in builtin}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path."""
        return self._resources.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind, as an owner reference names it; any served version counts."""
        group = api_version.rpartition("/")[0]
        for resource in self._resources.values():
            if resource.group == group and resource.kind == kind:
                return resource
        return None

    def by_table(self, table: str) -> Resource | None:
        """The first resource that is kept in a table."""
        return next((r for r in self._resources.values() if r.table == table), None)

    def replace_custom(self, qualified: str, resources: Sequence[Resource]) -> None:
        """Let these be the versions of a custom resource; none removes it."""
        for key, resource in tuple(self._resources.items()):
            if resource.custom and resource.qualified == qualified:
                del self._resources[key]
        self._resources.update({(r.group, r.version, r.plural): r for r in resources})

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._resources.values()))

    def versions(self) -> frozenset[tuple[str, str]]:
        """Groups and versions that are built in."""
        return frozenset((r.group, r.version) for r in self if not r.custom)

    def groups(self) -> Mapping[str, Sequence[str]]:
        """The versions of each group, the preferred one first."""
        found: dict[str, dict[str, None]] = {}
        for resource in self:
            found.setdefault(resource.group, {}).setdefault(resource.version)
        return {group: tuple(versions) for group, versions in found.items()}
