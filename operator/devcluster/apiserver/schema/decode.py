"""Reading a document by its schema: unknown fields, types, pruning, defaults.

Built-in kinds are decoded as Go's decoder does it (a wrong type is 400, null is absent);
custom resources are pruned and defaulted, and a wrong type is left to validation (422).
"""

import re
from collections.abc import Callable
from datetime import UTC
from typing import Any

from devcluster.apiserver.schema.models import short_name
from devcluster.apiserver.schema.node import ABSENT, Node
from devcluster.apiserver.schema.quantity import QuantityError, canonical
from devcluster.apiserver.schema.times import is_date_time, to_datetime

_GO_TYPES = {"string": "string", "integer": "int32", "boolean": "bool", "number": "float64"}
_INDEX = re.compile(r"\[[^\]]*\]")


_MICRO = re.compile(r"\.\d{6}(?!\d)")
TIME_FORMATS = {
    "date-time": "2006-01-02T15:04:05Z07:00",
    "micro-time": "2006-01-02T15:04:05.000000Z07:00",
}


class DecodeError(ValueError):
    """A value cannot be put into the Go type of its field."""


def decode_builtin(
    node: Node, value: Any, path: str, unknown: Callable[[str], None], struct: str = ""
) -> Any:
    """The value with known fields only; ``unknown`` is told the others.

    Args:
        node: The schema of the value.
        value: What was sent.
        path: Where it stands.
        unknown: Called with the path of each unknown field.
        struct: Name of the Go struct that the value is a field of, for the error.

    Raises:
        DecodeError: a value has the wrong type.
    """
    if node.preserve and not node.properties:
        return value
    match node.type:
        case "object":
            return _decode_object(node, value, path, unknown, struct)
        case "array" if isinstance(value, list):
            return [
                _decode_entry(node.item, item, f"{path}[{index}]", unknown, struct)
                for index, item in enumerate(value)
            ]
        case "string" if node.format == "quantity" and (_is_number(value) or _fits(node, value)):
            try:
                return canonical(str(value))
            except QuantityError as error:
                raise DecodeError(str(error)) from error
        case "string" if node.format in TIME_FORMATS and isinstance(value, str):
            return _time(value, TIME_FORMATS[node.format])
        case _:
            pass
    if not _fits(node, value):
        raise _wrong(node, value, path, struct)
    return value


def _decode_entry(
    node: Node, value: Any, path: str, unknown: Callable[[str], None], struct: str
) -> Any:
    """An entry of a list or map. Null is the zero of its Go type there, not absent."""
    zero = _zero(node) if value is None else value
    return None if zero is None else decode_builtin(node, zero, path, unknown, struct)


def _zero(node: Node) -> Any:
    match node.type:
        case "string" if node.format in TIME_FORMATS:
            return None
        case "string":
            return "0" if node.format == "quantity" else ""
        case "object" | "array" | "boolean" as kind:
            return {"object": {}, "array": [], "boolean": False}[kind]
        case "integer" | "number":
            return 0
        case _:
            return None


def _time(value: str, layout: str) -> str:
    """The time in UTC as Kubernetes writes it: whole seconds, or six digits after them."""
    micro = layout.count("0") > 10
    if not is_date_time(value):
        wrong = value
    elif micro and not _MICRO.search(value):
        wrong = value[19:]
    else:
        moment = to_datetime(value).astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
    expected = ".000000" if micro and wrong != value else "2006"
    raise DecodeError(
        f'parsing time "{value}" as "{layout}": cannot parse "{wrong}" as "{expected}"'
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fits(node: Node, value: Any) -> bool:
    if node.int_or_string:
        return isinstance(value, int | str) and not isinstance(value, bool)
    match node.type:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return _is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return False


def _decode_object(
    node: Node, value: Any, path: str, unknown: Callable[[str], None], struct: str
) -> Any:
    if not isinstance(value, dict):
        raise _wrong(node, value, path, struct)
    if node.additional is not None and not node.properties:
        entry = node.additional if isinstance(node.additional, Node) else Node(preserve=True)
        return {
            key: _decode_entry(entry, item, f"{path}[{key}]", unknown, struct)
            for key, item in value.items()
        }
    own = short_name(node.type_name)
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
            decoded[key] = decode_builtin(child, item, child_path, unknown, own)
    if own == "ObjectMeta":  # every field of it is left out where it is empty
        return {key: item for key, item in decoded.items() if item not in ("", {}, [])}
    return decoded


def _go_type(node: Node) -> str:
    if node.type == "array":
        return f"[]{short_name(node.item.type_name) or _go_type(node.item)}"
    return _GO_TYPES.get(node.type, node.type)


def _wrong(node: Node, value: Any, path: str, struct: str) -> DecodeError:
    match value:
        case bool():
            found = "bool"
        case int():
            found = "number"
        case float():
            found = f"number {value}"
        case str():
            found = "string"
        case list():
            found = "array"
        case dict():
            found = "object"
        case _:
            found = "null"
    wanted = short_name(node.type_name) or _go_type(node)
    where = f"{struct}.{_INDEX.sub('', path)}"
    return DecodeError(
        f"json: cannot unmarshal {found} into Go struct field {where} of type {wanted}"
    )


_OBJECT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def prune(node: Node, value: Any, path: str, unknown: Callable[[str], None]) -> Any:
    """The value of a custom resource without the fields that its schema does not know.

    A null that the schema does not allow is taken as absent, too.
    """
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
        if child is None and isinstance(node.additional, Node):
            child = node.additional
        if (not path or node.embedded) and key in _OBJECT_FIELDS:
            pruned[key] = item
        elif child is not None:
            if item is not None or child.nullable or not (child.type or child.int_or_string):
                pruned[key] = prune(child, item, child_path, unknown)
        elif node.additional or node.preserve:
            pruned[key] = item
        else:
            unknown(child_path)
    return pruned


def apply_defaults(node: Node, value: Any) -> Any:
    """The value of a custom resource with its defaults, nested ones too; a new document."""
    if not node.has_defaults:
        return value
    if isinstance(value, list):
        return [apply_defaults(node.item, item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for key, child in node.properties.items():
        if key not in filled and child.default is not ABSENT:
            filled[key] = child.default
        if key in filled:
            filled[key] = apply_defaults(child, filled[key])
    if isinstance(node.additional, Node):
        for key in filled.keys() - node.properties.keys():
            filled[key] = apply_defaults(node.additional, filled[key])
    return filled
