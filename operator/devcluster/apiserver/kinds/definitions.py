"""CustomResourceDefinitions: their validation, their conditions, the resources they make."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devcluster.apiserver.errors import Cause, invalid_value, not_supported, required
from devcluster.apiserver.kinds.jsonpath import JsonPathError, compile_path
from devcluster.apiserver.kinds.resource import (
    METADATA_FIELDS,
    Column,
    Resource,
    Subresource,
)
from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object, name_of, now
from devcluster.apiserver.schema.node import from_openapi
from devcluster.apiserver.schema.structural import structural_causes

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")


class DefinitionStrategy(Strategy):
    """CustomResourceDefinitions."""

    unconditional = False
    counts_generations = True
    has_status = True

    def default(self, obj: Object) -> None:
        spec = obj.get("spec") or {}
        names = spec.get("names") or {}
        kind = names.get("kind", "")
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
        spec.setdefault("conversion", {"strategy": "None"})

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {
            "conditions": [],
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": [],
        }

    def validate(self, obj: Object) -> Iterator[Cause]:
        spec = obj.get("spec") or {}
        names = spec.get("names") or {}
        expected = f"{names.get('plural', '')}.{spec.get('group', '')}"
        if name_of(obj) != expected:
            yield invalid_value(
                "metadata.name",
                name_of(obj),
                'must be spec.names.plural+"."+spec.group',
            )
        for field in ("plural", "kind"):
            if not names.get(field):
                yield required(f"spec.names.{field}")
        if spec.get("scope") not in {"Namespaced", "Cluster"}:
            yield not_supported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
        versions = spec.get("versions") or []
        if sum(bool(version.get("storage")) for version in versions) != 1:
            yield invalid_value(
                "spec.versions",
                len(versions),
                "must have exactly one version marked as storage version",
            )
        for index, version in enumerate(versions):
            yield from _version_causes(version, f"spec.versions[{index}]")

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        for field in ("group", "scope"):
            if new["spec"].get(field) != old["spec"].get(field):
                yield invalid_value(f"spec.{field}", new["spec"].get(field), "field is immutable")
        for field in ("plural", "kind"):
            if new["spec"]["names"].get(field) != old["spec"]["names"].get(field):
                yield invalid_value(
                    f"spec.names.{field}", new["spec"]["names"].get(field), "field is immutable"
                )


def _version_causes(version: Mapping[str, Any], path: str) -> Iterator[Cause]:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
    else:
        yield from structural_causes(schema, f"{path}.schema.openAPIV3Schema")
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        where = f"{path}.additionalPrinterColumns[{index}]"
        if column.get("type") not in _COLUMN_TYPES:
            yield invalid_value(
                f"{where}.type",
                column.get("type", ""),
                f"must be one of {','.join(_COLUMN_TYPES)}",
            )
        try:
            compile_path(column.get("jsonPath", ""))
        except JsonPathError as error:
            yield invalid_value(f"{where}.jsonPath", column.get("jsonPath", ""), str(error))


def established(obj: Object) -> Object:
    """The status of a definition whose names are free and which is served."""
    moment = now()
    before = {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or ()}

    def condition(kind: str, reason: str, message: str) -> Object:
        known = before.get(kind)
        if known is not None and known["status"] == "True":
            return dict(known)
        return {
            "type": kind,
            "status": "True",
            "lastTransitionTime": moment,
            "reason": reason,
            "message": message,
        }

    stored = list((obj.get("status") or {}).get("storedVersions") or ())
    storage = next(v["name"] for v in obj["spec"]["versions"] if v.get("storage"))
    return {
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition(
                "Established", "InitialNamesAccepted", "the initial names have been accepted"
            ),
        ],
        "acceptedNames": obj["spec"]["names"],
        "storedVersions": stored if storage in stored else [*stored, storage],
    }


class CustomStrategy(Strategy):
    """Custom resources.

    Generation counts every change except of metadata and, with the status path, of status.
    """

    unconditional = False
    counts_generations = True

    def __init__(self, *, has_status: bool) -> None:
        self.has_status = has_status  # type: ignore[misc]  # a class attribute of other kinds


def resources_of(definition: Object) -> Sequence[Resource]:
    """The resources that a definition makes, one for each served version."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        _resource(spec, names, version) for version in spec["versions"] if version.get("served")
    ]


def _resource(
    spec: Mapping[str, Any], names: Mapping[str, Any], version: Mapping[str, Any]
) -> Resource:
    subresources = version.get("subresources") or {}
    has_status = "status" in subresources
    columns = version.get("additionalPrinterColumns")
    fields = {
        entry["jsonPath"].removeprefix("."): entry["jsonPath"].removeprefix(".").split(".")
        for entry in version.get("selectableFields") or ()
    }
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        node=from_openapi(version["schema"]["openAPIV3Schema"]),
        strategy=CustomStrategy(has_status=has_status),
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=(Subresource(name="status", kind=names["kind"]),) if has_status else (),
        custom=True,
        selectable={**METADATA_FIELDS, **fields},
        columns=tuple(_column(column) for column in columns) if columns else None,
    )


def _column(column: Mapping[str, Any]) -> Column:
    path = compile_path(column["jsonPath"])

    def value(obj: Object) -> Any:
        found = path(obj)
        return found[0] if found else None

    return Column(
        name=column["name"],
        value=value,
        type=column["type"],
        format=column.get("format", ""),
        description=column.get("description", ""),
        priority=column.get("priority", 0),
    )
