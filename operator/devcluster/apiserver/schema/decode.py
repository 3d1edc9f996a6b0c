"""Reading a document by its schema: unknown fields, types, pruning, defaults.

Built-in kinds are decoded as Go's decoder does it (a wrong type is 400, null is absent);
custom resources are pruned and defaulted, and a wrong type is left to validation (422).
"""

from collections.abc import Callable
from typing import Any

from devcluster.apiserver.schema.node import ABSENT, Node

_GO_TYPES = {"string": "string", "integer": "int32", "boolean": "bool", "number": "float64"}


class DecodeError(ValueError):
    """A value cannot be put into the Go type of its field."""


def decode_builtin(node: Node, value: Any, path: str, unknown: Callable[[str], None]) -> Any:
    """The value with known fields only; ``unknown`` is told the others.

    Raises:
        DecodeError: a value has the wrong type.
    """
    if node.preserve and not node.properties:
        return value
    if node.int_or_string:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise _wrong(node, value, path)
        return value
    match node.type:
        case "object":
            return _decode_object(node, value, path, unknown)
        case "array":
            if not isinstance(value, list):
                raise _wrong(node, value, path)
            return [
                decode_builtin(node.item, item, f"{path}[{index}]", unknown)
                for index, item in enumerate(value)
            ]
        case "string":
            if node.format == "quantity" and isinstance(value, int | float):
                return str(value)
            if not isinstance(value, str):
                raise _wrong(node, value, path)
        case "integer":
            if isinstance(value, bool) or not isinstance(value, int):
                raise _wrong(node, value, path)
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong(node, value, path)
        case "boolean":
            if not isinstance(value, bool):
                raise _wrong(node, value, path)
    return value


def _decode_object(node: Node, value: Any, path: str, unknown: Callable[[str], None]) -> Any:
    if not isinstance(value, dict):
        raise _wrong(node, value, path)
    if node.additional is not None and not node.properties:
        entry = node.additional if isinstance(node.additional, Node) else None
        return {
            key: item if entry is None else decode_builtin(entry, item, f"{path}.{key}", unknown)
            for key, item in value.items()
            if entry is None or item is not None
        }
    decoded = {}
    for key, item in value.items():
        child_path = f"{path}.{key}" if path else key
        child = node.properties.get(key)
        if child is None:
            if node.preserve:
                decoded[key] = item
            else:
                unknown(child_path)
        elif item is not None:
            decoded[key] = decode_builtin(child, item, child_path, unknown)
    return decoded


def _wrong(node: Node, value: Any, path: str) -> DecodeError:
    match value:
        case bool():
            found = "bool"
        case int() | float():
            found = "number"
        case str():
            found = "string"
        case list():
            found = "array"
        case dict():
            found = "object"
        case _:
            found = "null"
    wanted = node.type_name or _GO_TYPES.get(node.type, node.type)
    return DecodeError(f"json: cannot unmarshal {found} into Go struct field {path} of type {wanted}")


_OBJECT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def prune(node: Node, value: Any, path: str, unknown: Callable[[str], None]) -> Any:
    """The value of a custom resource without the fields that its schema does not know."""
    if isinstance(value, list):
        if node.items is None:
            return value
        return [
            prune(node.item, item, f"{path}[{index}]", unknown) for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    pruned = {}
    for key, item in value.items():
        child_path = f"{path}.{key}" if path else key
        child = node.properties.get(key)
        if (not path or node.embedded) and key in _OBJECT_FIELDS:
            pruned[key] = item
        elif child is not None:
            pruned[key] = prune(child, item, child_path, unknown)
        elif isinstance(node.additional, Node):
            pruned[key] = prune(node.additional, item, child_path, unknown)
        elif node.additional or node.preserve:
            pruned[key] = item
        else:
            unknown(child_path)
    return pruned


def apply_defaults(node: Node, value: Any) -> Any:
    """The value of a custom resource with its defaults, nested ones too; a new document.

    A null that the schema does not allow is taken as absent where a default stands.
    """
    if not node.has_defaults:
        return value
    if isinstance(value, list):
        return [apply_defaults(node.item, item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for key, child in node.properties.items():
        if filled.get(key, ABSENT) is None and not child.nullable and child.default is not ABSENT:
            del filled[key]
        if key not in filled and child.default is not ABSENT:
            filled[key] = child.default
        if key in filled:
            filled[key] = apply_defaults(child, filled[key])
    if isinstance(node.additional, Node):
        for key in filled.keys() - node.properties.keys():
            filled[key] = apply_defaults(node.additional, filled[key])
    return filled
