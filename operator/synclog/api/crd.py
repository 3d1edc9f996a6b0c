"""The CustomResourceDefinition, generated from the models.

``synclog-operator crd`` prints it; ``crds/`` holds that text; a test compares the two.
"""

from enum import Enum
from typing import Any

import msgspec
from msgspec import inspect

from synclog.api import names
from synclog.api.fields import Model
from synclog.api.resource import SyncLogExport

Schema = dict[str, Any]

_COLUMNS: tuple[tuple[str, str, str, str, int], ...] = (
    ("Schedule", "string", ".status.effectiveSchedule", "The schedule, H and macros replaced.", 0),
    ("Suspend", "boolean", ".spec.suspend", "Whether new runs are held back.", 0),
    ("Status", "string", ".status.summary", "The conditions in one word.", 0),
    ("Active", "integer", ".status.activeCount", "Running Jobs.", 0),
    ("Covered-Until", "date", ".status.coveredUntil", "How far behind coverage is.", 0),
    ("Gaps", "integer", ".status.coverage.gapCount", "Ranges that were due and are missing.", 0),
    ("Last-Result", "string", ".status.lastRun.reason", "How the last run ended.", 0),
    ("Next", "string", ".status.next", "The next tick.", 0),
    ("TimeZone", "string", ".spec.timeZone", "The zone of the schedule.", 1),
    ("Destination", "string", ".status.destination", "Where the files go.", 1),
    ("Events", "integer", ".status.totals.events", "Events exported so far.", 1),
    ("Duration", "string", ".status.lastRun.duration", "How long the last run took.", 1),
    ("Failures", "integer", ".status.consecutiveFailures", "Failures since the last success.", 1),
    ("Age", "date", ".metadata.creationTimestamp", "Age of the resource.", 0),
)


def custom_resource_definition() -> dict[str, Any]:
    """The CustomResourceDefinition of SyncLogExport as a document."""
    schema = schema_of(inspect.type_info(SyncLogExport))
    schema["description"] = SyncLogExport.__doc__
    columns = [
        {"name": name, "type": kind, "jsonPath": path, "description": text, "priority": priority}
        for name, kind, path, text, priority in _COLUMNS
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": names.CRD_NAME,
            "labels": {"app.kubernetes.io/name": "synclog-operator"},
        },
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": ["synclog"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }


def schema_of(info: inspect.Type) -> Schema:
    """The structural schema of a model's type.

    Raises:
        TypeError: the type has no place in a structural schema.
    """
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return _merge(schema_of(inner), extra or {})
        case inspect.StructType():
            return _object(info)
        case inspect.UnionType(types=types):
            (only,) = [kind for kind in types if not isinstance(kind, inspect.NoneType)]
            return schema_of(only)
        case inspect.StrType():
            return _bounds({"type": "string"}, minLength=info.min_length, maxLength=info.max_length)
        case inspect.IntType():
            return _bounds({"type": "integer", "format": "int64"}, minimum=info.ge, maximum=info.le)
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.EnumType(cls=cls):
            return {"type": "string", "enum": [member.value for member in cls]}
        case inspect.ListType(item_type=item):
            schema = {"type": "array", "items": schema_of(item)}
            return _bounds(schema, minItems=info.min_length, maxItems=info.max_length)
        case inspect.DictType(value_type=inspect.AnyType()):
            return {"type": "object"}
        case inspect.DictType(value_type=value):
            schema = {"type": "object", "additionalProperties": schema_of(value)}
            return _bounds(schema, minProperties=info.min_length, maxProperties=info.max_length)
    raise TypeError(f"{info} has no place in a structural schema")


def _object(info: inspect.StructType) -> Schema:
    assert issubclass(info.cls, Model)
    schema: Schema = {"type": "object", "properties": {}}
    required = [field.encode_name for field in info.fields if field.required]
    if required:
        schema["required"] = required
    for field in info.fields:
        schema["properties"][field.encode_name] = described = schema_of(field.type)
        if "description" not in described:
            raise TypeError(f"{info.cls.__name__}.{field.name} has no description")
        default = _default(field)
        if default is not None:
            described["default"] = default
    if info.cls.RULES:
        schema["x-kubernetes-validations"] = [
            {"rule": rule.rule, "message": rule.message} for rule in info.cls.RULES
        ]
    return schema


def _default(field: inspect.Field) -> Any:
    if isinstance(field.default, Enum):
        return field.default.value
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is msgspec.NODEFAULT:
        return None
    made = field.default_factory()
    if isinstance(made, Model):
        return {}  # its own fields have defaults
    return made or None


def _merge(schema: Schema, extra: Schema) -> Schema:
    rules = "x-kubernetes-validations"
    merged = {**schema, **extra}
    if rules in schema and rules in extra:
        merged[rules] = [*schema[rules], *extra[rules]]
    return merged


def _bounds(schema: Schema, **bounds: int | None) -> Schema:
    return schema | {name: bound for name, bound in bounds.items() if bound is not None}
