"""OpenAPI v3, as kubectl needs it for explain, validation and strategic merge patches."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from devcluster.apiserver.errors import NoSuchPathError
from devcluster.apiserver.kinds.resource import Resource, Scheme
from devcluster.apiserver.schema.models import node_of, short_name
from devcluster.apiserver.schema.node import ABSENT, Node

_REF = "#/components/schemas/"
_META = node_of("V1ObjectMeta")


class OpenApi:
    """The documents of a scheme; a changed scheme needs a new one."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._documents: dict[str, bytes] = {}

    def index(self) -> dict[str, Any]:
        """``/openapi/v3``: where the document of each group and version is."""
        paths = {}
        for group, versions in self._scheme.groups().items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                digest = hashlib.sha256(self.document(path)).hexdigest()[:32].upper()
                paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
        return {"paths": paths}

    def document(self, path: str) -> bytes:
        """The document of ``api/v1`` or ``apis/<group>/<version>``.

        Raises:
            NoSuchPathError: there is none.
        """
        if path not in self._documents:
            match path.split("/"):
                case ["api", version]:
                    group = ""
                case ["apis", group, version]:
                    pass
                case _:
                    raise NoSuchPathError
            found = [r for r in self._scheme if (r.group, r.version) == (group, version)]
            if not found:
                raise NoSuchPathError
            self._documents[path] = msgspec.json.encode(_Builder().build(found))
        return self._documents[path]

    def forget(self) -> None:
        """The scheme changed."""
        self._documents.clear()


class _Builder:
    """Collects the components that the paths refer to."""

    def __init__(self) -> None:
        self._schemas: dict[str, Any] = {}

    def build(self, resources: list[Resource]) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        for resource in resources:
            paths.update(self._paths(resource))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.36.2"},
            "paths": paths,
            "components": {"schemas": self._schemas},
        }

    def _paths(self, resource: Resource) -> Iterator[tuple[str, Any]]:
        root = (
            f"/apis/{resource.group}/{resource.version}"
            if resource.group
            else f"/api/{resource.version}"
        )
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        reference = {"$ref": _REF + self._root(resource, kind)}
        content = {"content": {"application/json": {"schema": reference}}}

        def operation(action: str) -> dict[str, Any]:
            described: dict[str, Any] = {
                "responses": {"200": {"description": "OK", **content}},
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": kind,
            }
            if action in {"post", "put", "patch"}:
                described["requestBody"] = content
                described["parameters"] = [
                    {"name": name, "in": "query", "schema": {"type": "string"}}
                    for name in ("dryRun", "fieldManager", "fieldValidation")
                ]
            return described

        yield (
            f"{root}{scope}/{resource.plural}",
            {
                "get": operation("list"),
                "post": operation("post"),
            },
        )
        yield (
            f"{root}{scope}/{resource.plural}/{{name}}",
            {
                "get": operation("get"),
                "put": operation("put"),
                "patch": operation("patch"),
                "delete": operation("delete"),
            },
        )

    def _root(self, resource: Resource, kind: dict[str, str]) -> str:
        if not resource.custom:
            name = self._reference(resource.node)
            self._schemas[name]["x-kubernetes-group-version-kind"] = [kind]
            return name
        name = ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])
        schema = self._schema(resource.node)
        properties = schema.setdefault("properties", {})
        plain = node_of("V1Job").properties
        properties["apiVersion"] = self._schema(plain["apiVersion"])
        properties["kind"] = self._schema(plain["kind"])
        properties["metadata"] = {
            "allOf": [{"$ref": _REF + self._reference(_META)}],
            "description": "Standard object's metadata.",
        }
        schema["x-kubernetes-group-version-kind"] = [kind]
        self._schemas[name] = schema
        return name

    def _reference(self, node: Node) -> str:
        name = f"io.k8s.{_prefix(node.type_name)}.{short_name(node.type_name)}"
        if name not in self._schemas:
            self._schemas[name] = {}  # taken before the recursion: models refer in circles
            self._schemas[name].update(self._schema(node, inline=True))
        return name

    def _schema(self, node: Node, *, inline: bool = False) -> dict[str, Any]:
        if node.type == "object" and node.type_name and not inline:
            reference = {"$ref": _REF + self._reference(node)}
            if not node.description:
                return reference
            return {"description": node.description, "allOf": [reference], "default": {}}
        schema: dict[str, Any] = {"description": node.description} if node.description else {}
        if node.int_or_string:
            return schema | {
                "format": "int-or-string",
                "oneOf": [{"type": "integer"}, {"type": "string"}],
            }
        if node.type:
            schema["type"] = node.type
        if node.format:
            schema["format"] = "date-time" if node.format == "micro-time" else node.format
        if node.preserve:
            schema["x-kubernetes-preserve-unknown-fields"] = True
        if node.properties:
            schema["properties"] = {k: self._schema(child) for k, child in node.properties.items()}
        if node.required:
            schema["required"] = list(node.required)
        if node.items is not None:
            schema["items"] = self._schema(node.item)
        if isinstance(node.additional, Node):
            schema["additionalProperties"] = self._schema(node.additional)
        if node.merge_key is not None:
            schema["x-kubernetes-patch-strategy"] = "merge"
            if node.merge_key:
                schema["x-kubernetes-patch-merge-key"] = node.merge_key
        return schema | _bounds(node)


def _bounds(node: Node) -> dict[str, Any]:
    named = {
        "enum": list(node.bounds.enum) if node.bounds.enum else None,
        "pattern": node.bounds.pattern,
        "minimum": node.bounds.minimum,
        "maximum": node.bounds.maximum,
        "minLength": node.bounds.min_length,
        "maxLength": node.bounds.max_length,
        "minItems": node.bounds.min_items,
        "maxItems": node.bounds.max_items,
        "minProperties": node.bounds.min_properties,
        "maxProperties": node.bounds.max_properties,
    }
    shown = {key: value for key, value in named.items() if value is not None}
    default = {} if node.default is ABSENT else {"default": node.default}
    return shown | default


def _prefix(model: str) -> str:
    kind = short_name(model)
    return model.removesuffix(kind).lower() or "api"
