"""Validation of a custom resource against its structural schema.

The messages are those of Kubernetes' own validator.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from devcluster.apiserver.errors import (
    Cause,
    duplicate,
    invalid_value,
    not_supported,
    required,
    too_long,
    too_many,
    type_invalid,
)
from devcluster.apiserver.schema.node import Bounds, Node
from devcluster.apiserver.schema.times import is_date_time

BLOCKING = frozenset(
    {
        "FieldValueRequired",
        "FieldValueTypeInvalid",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueNotSupported",
    }
)
"""After such a cause Kubernetes does not evaluate CEL rules."""


def validate(node: Node, value: Any, path: str) -> Iterator[Cause]:
    """Every violation of the schema, in the order of the document."""
    if value is None:
        if not node.nullable and (node.type or node.int_or_string):
            yield _wrong_type(node, value, path)
        return
    if node.int_or_string:
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield type_invalid(
                path,
                json_type(value),
                f'{path} in body must be of type integer,string: "{json_type(value)}"',
            )
            return
    elif node.type and not _has_type(node, value):
        if node.type == "integer" and isinstance(value, float):
            yield type_invalid(path, "float64", f'{path} in body must be of type int64: "float64"')
        else:
            yield _wrong_type(node, value, path)
        return
    yield from _validate_bounds(node.bounds, value, path)
    match value:
        case str():
            yield from _validate_format(node, value, path)
        case dict():
            yield from _validate_object(node, value, path)
        case list():
            yield from _validate_list(node, value, path)
        case _:
            pass
    yield from _validate_junctors(node, value, path)


def json_type(value: Any) -> str:
    """The JSON type of a value, as the validator names it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _has_type(node: Node, value: Any) -> bool:
    match node.type:
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return json_type(value) == node.type


def _wrong_type(node: Node, value: Any, path: str) -> Cause:
    found = json_type(value)
    wanted = "integer,string" if node.int_or_string else node.type
    return type_invalid(path, found, f'{path} in body must be of type {wanted}: "{found}"')


def _validate_bounds(bounds: Bounds, value: Any, path: str) -> Iterator[Cause]:
    if bounds.enum is not None and value not in bounds.enum:
        yield not_supported(path, value, bounds.enum)
    match value:
        case bool():
            pass
        case int() | float():
            yield from _validate_number(bounds, value, path)
        case str():
            if bounds.max_length is not None and len(value) > bounds.max_length:
                yield too_long(path, bounds.max_length)
            if bounds.min_length is not None and len(value) < bounds.min_length:
                detail = f"{path} in body should be at least {bounds.min_length} chars long"
                yield invalid_value(path, value, detail)
            if bounds.regex is not None and not bounds.regex.search(value):
                detail = f"{path} in body should match '{bounds.pattern}'"
                yield invalid_value(path, value, detail)
        case list():
            if bounds.max_items is not None and len(value) > bounds.max_items:
                yield too_many(path, len(value), bounds.max_items)
            if bounds.min_items is not None and len(value) < bounds.min_items:
                detail = f"{path} in body should have at least {bounds.min_items} items"
                yield invalid_value(path, len(value), detail)
        case dict():
            if bounds.max_properties is not None and len(value) > bounds.max_properties:
                yield too_many(path, len(value), bounds.max_properties)
            if bounds.min_properties is not None and len(value) < bounds.min_properties:
                detail = f"{path} in body should have at least {bounds.min_properties} properties"
                yield invalid_value(path, value, detail)


def _validate_number(bounds: Bounds, value: float, path: str) -> Iterator[Cause]:
    low, high = bounds.minimum, bounds.maximum
    if low is not None and (value < low or (bounds.exclusive_minimum and value == low)):
        how = "greater than" if bounds.exclusive_minimum else "greater than or equal to"
        yield invalid_value(path, value, f"{path} in body should be {how} {low:g}")
    if high is not None and (value > high or (bounds.exclusive_maximum and value == high)):
        how = "less than" if bounds.exclusive_maximum else "less than or equal to"
        yield invalid_value(path, value, f"{path} in body should be {how} {high:g}")
    if bounds.multiple_of and math.fmod(value, bounds.multiple_of):
        detail = f"{path} in body should be a multiple of {bounds.multiple_of:g}"
        yield invalid_value(path, value, detail)


def _validate_format(node: Node, value: str, path: str) -> Iterator[Cause]:
    if node.format == "date-time" and not is_date_time(value):
        detail = f'{path} in body must be of type date-time: "{value}"'
        yield type_invalid(path, value, detail)


def _validate_object(node: Node, value: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for key in node.required:
        if key not in value:
            yield required(f"{path}.{key}" if path else key)
    for key, item in value.items():
        child = node.properties.get(key)
        child_path = f"{path}.{key}" if path else key
        if child is not None:
            yield from validate(child, item, child_path)
        elif isinstance(node.additional, Node):
            yield from validate(node.additional, item, child_path)


def _validate_list(node: Node, value: Sequence[Any], path: str) -> Iterator[Cause]:
    for index, item in enumerate(value):
        yield from validate(node.item, item, f"{path}[{index}]")
    seen: set[bytes] = set()
    for index, item in enumerate(value):
        match node.list_type:
            case "set":
                identity: Any = item
            case "map" if isinstance(item, dict):
                identity = {
                    key: item.get(key) for key in node.list_keys if item.get(key) is not None
                }
            case _:
                return
        encoded = msgspec.json.encode(identity, order="sorted")
        if encoded in seen:
            yield duplicate(f"{path}[{index}]", identity)
        seen.add(encoded)


def _validate_junctors(node: Node, value: Any, path: str) -> Iterator[Cause]:
    for kind, parts in node.junctors.items():
        results = [list(validate(part, value, path)) for part in parts]
        valid = sum(not causes for causes in results)
        if kind == "allOf":
            for causes in results:
                yield from causes
        elif kind == "anyOf" and not valid:
            yield invalid_value(path, value, f'"{path}" must validate at least one schema (anyOf)')
        elif kind == "oneOf" and valid != 1:
            detail = f'"{path}" must validate one and only one schema (oneOf). Found '
            detail += "none valid" if not valid else f"{valid} valid alternatives"
            yield invalid_value(path, value, detail)
        elif kind == "not" and valid:
            yield invalid_value(path, value, f'"{path}" must not validate the schema (not)')
