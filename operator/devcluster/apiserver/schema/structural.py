"""Whether the schema of a CustomResourceDefinition is structural and its rules can be read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from devcluster.apiserver.errors import (
    Cause,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from devcluster.apiserver.schema.decode import prune
from devcluster.apiserver.schema.node import from_openapi
from devcluster.apiserver.schema.rules import compile_rule
from devcluster.apiserver.schema.validate import validate

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_KNOWN = frozenset(
    {
        "description", "type", "format", "title", "default", "maximum", "exclusiveMaximum",
        "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
        "uniqueItems", "multipleOf", "enum", "maxProperties", "minProperties", "required", "items",
        "allOf", "oneOf", "anyOf", "not", "properties", "additionalProperties", "externalDocs",
        "example", "nullable", "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
        "x-kubernetes-validations",
    }
)  # fmt: skip


def structural_causes(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What Kubernetes would refuse about the schema of a version."""
    if schema.get("type") != "object":
        yield invalid_value(f"{path}.type", schema.get("type", ""), "must be object at the root")
    yield from _node_causes(schema, path)


def _node_causes(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for key in sorted(schema.keys() - _KNOWN):
        yield forbidden_field(f"{path}.{key}", f"{key} is not supported")
    loose = schema.get("x-kubernetes-int-or-string") or schema.get(
        "x-kubernetes-preserve-unknown-fields"
    )
    kind = schema.get("type", "")
    if not kind and not loose:
        yield required(f"{path}.type", "must not be empty for specified object fields")
    elif kind and kind not in _TYPES:
        yield not_supported(f"{path}.type", kind, _TYPES)
    if kind == "array" and not isinstance(schema.get("items"), Mapping):
        yield required(f"{path}.items", "must be specified")
    if schema.get("properties") and schema.get("additionalProperties") not in (None, False):
        yield forbidden_field(
            f"{path}.additionalProperties",
            "additionalProperties and properties are mutual exclusive",
        )
    if schema.get("uniqueItems"):
        yield forbidden_field(f"{path}.uniqueItems", "uniqueItems cannot be set to true")
    yield from _text_causes(schema, path)
    yield from _list_causes(schema, path)
    yield from _default_causes(schema, path)
    for key, child in (schema.get("properties") or {}).items():
        yield from _node_causes(child, f"{path}.properties[{key}]")
    if isinstance(schema.get("items"), Mapping):
        yield from _node_causes(schema["items"], f"{path}.items")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _node_causes(schema["additionalProperties"], f"{path}.additionalProperties")


def _text_causes(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except re.error as error:
            yield invalid_value(
                f"{path}.pattern",
                schema["pattern"],
                f"must be a valid regular expression, but isn't: {error}",
            )
    for index, entry in enumerate(schema.get("x-kubernetes-validations") or ()):
        where = f"{path}.x-kubernetes-validations[{index}]"
        if not entry.get("rule", "").strip():
            yield required(f"{where}.rule", "rule is not specified")
            continue
        if "\n" in entry.get("message", "").strip():
            yield invalid_value(
                f"{where}.message", entry["message"], "message must not contain line breaks"
            )
        for field in ("rule", "messageExpression"):
            if not entry.get(field):
                continue
            try:
                compile_rule(entry[field])
            except ValueError as error:
                yield invalid_value(
                    f"{where}.{field}", entry[field], f"compilation failed: {error}"
                )


def _list_causes(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    list_type = schema.get("x-kubernetes-list-type")
    if list_type is None:
        return
    if list_type not in {"atomic", "set", "map"}:
        yield not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "map", "set"))
    if schema.get("type") != "array":
        yield invalid_value(
            f"{path}.type",
            schema.get("type", ""),
            "must be array if x-kubernetes-list-type is specified",
        )
    if list_type != "map":
        return
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if not keys:
        yield required(
            f"{path}.x-kubernetes-list-map-keys",
            "must not be empty if x-kubernetes-list-type is map",
        )
    items = schema.get("items") or {}
    for key in keys:
        child = (items.get("properties") or {}).get(key)
        if child is None:
            yield invalid_value(
                f"{path}.x-kubernetes-list-map-keys",
                key,
                "entries must all be names of item properties",
            )
        elif key not in (items.get("required") or ()) and "default" not in child:
            yield required(
                f"{path}.items.properties[{key}].default",
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a "
                "required property",
            )


def _default_causes(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if "default" not in schema:
        return
    node = from_openapi(
        {key: value for key, value in schema.items() if key != "x-kubernetes-validations"}
    )
    where = f"{path}.default"
    dropped: list[str] = []
    prune(node, schema["default"], "default", dropped.append)
    if dropped:
        yield invalid_value(where, schema["default"], "must not have unknown fields")
    for cause in validate(node, schema["default"], "default"):
        yield Cause(where, cause.reason, cause.message)
