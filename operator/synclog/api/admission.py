"""What the API server does to a SyncLogExport that is created: defaults, the schema, the rules.

It reads the same schema as the API server, the one of the CRD, and says the same words. So what
is refused here is refused there. Rules about changes need a past and are left out.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from synclog.api.cel import compile_rule
from synclog.api.crd import Schema, schema_of
from synclog.api.resource import SyncLogExport

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    f"for validation is '{_SUBDOMAIN.pattern}')"
)
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    f"used for validation is '{_LABEL.pattern}')"
)
_NAMES = (("name", _SUBDOMAIN, 253, _SUBDOMAIN_WORDS), ("namespace", _LABEL, 63, _LABEL_WORDS))
_OBJECT = ("apiVersion", "kind", "metadata")
_FREE = "x-kubernetes-preserve-unknown-fields"
_OLD_SELF = re.compile(r"\boldSelf\b")
_TYPES = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, in the API server's words."""

    field: str
    text: str
    blocks: bool = False
    """Whether the API server asks no rule after it."""

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


@functools.cache
def _schema() -> Schema:
    return schema_of(msgspec.inspect.type_info(SyncLogExport))


def admit(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The document as it would be stored, and why it would not be."""
    schema, unknown = _schema(), list[Problem]()
    stored = _filled(document, schema, "", unknown)
    metadata = list(_metadata(stored.get("metadata")))
    problems = [*metadata, *_checked(stored, schema, "")]
    if not any(problem.blocks for problem in problems):
        problems += _ruled(stored, schema, "")
    return stored, [*unknown, *problems]


def _metadata(metadata: Any) -> Iterator[Problem]:
    if not isinstance(metadata, dict) or not metadata.get("name"):
        yield Problem(
            "metadata.name", "Required value: name or generateName is required", blocks=True
        )
        return
    for field, pattern, most, detail in _NAMES:
        value, where = metadata.get(field) or "default", f"metadata.{field}"
        if not isinstance(value, str):
            yield Problem(where, f"Invalid value: {_shown(value)}: write a text", blocks=True)
            continue
        if len(value) > most:
            yield Problem(
                where, f"Invalid value: {_shown(value)}: must be no more than {most} bytes"
            )
        if not pattern.fullmatch(value):
            yield Problem(where, f"Invalid value: {_shown(value)}: {detail}")


def _filled(value: Any, schema: Schema, path: str, unknown: list[Problem]) -> Any:
    """The value with defaults, and without nulls and fields that are not known."""
    if isinstance(value, list) and "items" in schema:
        return [
            _filled(item, schema["items"], f"{path}[{index}]", unknown)
            for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    fields, filled = schema.get("properties", {}), {}
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        inner = fields.get(name, schema.get("additionalProperties"))
        if (not path and name in _OBJECT) or (inner is None and _FREE in schema):
            filled[name] = item
        elif inner is None:
            known = f"; known are {', '.join(sorted(fields))}" if fields else ""
            unknown.append(Problem(where, f"there is no such field{known}"))
        elif item is not None:
            filled[name] = _filled(item, inner, where, unknown)
    for name, inner in fields.items():
        if name not in filled and "default" in inner:
            filled[name] = _filled(inner["default"], inner, name, unknown)
    return filled


def _checked(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    kind = schema["type"]
    if isinstance(value, float) and value.is_integer() and kind == "integer":
        value = int(value)
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) is not (kind == "boolean"):
        found = _type_of(value)
        shown = f'{path} in body must be of type {kind}: "{found}"'
        if kind == "integer" and isinstance(value, float):
            found, shown = "float64", f'{path} in body must be of type int64: "float64"'
        yield Problem(path, f'Invalid value: "{found}": {shown}', blocks=True)
        return
    yield from _bounded(value, schema, path)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _checked(item, schema["items"], f"{path}[{index}]")
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield Problem(f"{path}.{name}" if path else name, "Required value", blocks=True)
        for name, item, inner in _parts(value, schema):
            yield from _checked(item, inner, f"{path}.{name}" if path else name)


def _bounded(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(map(_shown, schema["enum"]))
        text = f"Unsupported value: {_shown(value)}: supported values: {choices}"
        yield Problem(path, text, blocks=True)
    size = len(value) if isinstance(value, str | list | dict) else 0
    if size > schema.get("maxLength", size):
        most = schema["maxLength"]
        yield Problem(path, f"Too long: may not be more than {most} bytes", blocks=True)
    for bound in ("maxItems", "maxProperties"):
        if size > schema.get(bound, size):
            text = f"Too many: {size}: must have at most {schema[bound]} items"
            yield Problem(path, text, blocks=True)
    words = []
    if size < schema.get("minLength", 0):
        words.append(f"should be at least {schema['minLength']} chars long")
    if isinstance(value, int) and value < schema.get("minimum", value):
        words.append(f"should be greater than or equal to {schema['minimum']}")
    if isinstance(value, int) and value > schema.get("maximum", value):
        words.append(f"should be less than or equal to {schema['maximum']}")
    for text in words:
        yield Problem(path, f"Invalid value: {_shown(value)}: {path} in body {text}")


def _ruled(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    for rule in schema.get("x-kubernetes-validations", ()):
        if _OLD_SELF.search(rule["rule"]):
            continue
        said = rule["message"]
        try:
            holds = compile_rule(rule["rule"])({"self": value})
        except ValueError as error:  # such as a day that is in no calendar
            holds, said = False, f"{error} evaluating rule: {said}"
        if not holds:
            shown = "" if isinstance(value, dict | list) else f"{_shown(value)}: "
            yield Problem(path, f"Invalid value: {shown}{said}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _ruled(item, schema["items"], f"{path}[{index}]")
    if isinstance(value, dict):
        for name, item, inner in _parts(value, schema):
            key = f"{path}.{name}" if "properties" in schema else f"{path}[{name}]"
            yield from _ruled(item, inner, key.removeprefix("."))


def _parts(value: Mapping[str, Any], schema: Schema) -> Iterator[tuple[str, Any, Schema]]:
    """The fields of an object that the schema speaks of."""
    fields, values = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        inner = fields.get(name, values)
        if inner is not None:
            yield name, item, inner


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = (name for name, kind in _TYPES.items() if isinstance(value, kind))
    return next(kinds, "number")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()
