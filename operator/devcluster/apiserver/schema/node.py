"""The node of a schema tree.

It is read from the OpenAPI of a CustomResourceDefinition, or built from the official client's
models.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

ABSENT: Any = object()
"""No default. None is a default that somebody can mean."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of ``x-kubernetes-validations``."""

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: str = "FieldValueInvalid"
    field_path: str = ""
    optional_old_self: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a value must satisfy besides its type."""

    enum: tuple[Any, ...] | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool = False
    min_properties: int | None = None
    max_properties: int | None = None

    @cached_property
    def regex(self) -> re.Pattern[str] | None:
        """The pattern, compiled. Go's syntax and Python's agree on what schemas use."""
        return None if self.pattern is None else re.compile(self.pattern)


@dataclass(frozen=True, kw_only=True)
class Node:
    """One value of a document: its type, its parts, its rules.

    Attributes:
        type: JSON type; empty for any.
        type_name: Name of the Go type or model, for ``kubectl explain`` and decoding errors.
        fields: Known fields by name. A callable, since models refer to each other in circles.
        additional: Schema of the values of a map; True where any value goes.
        preserve: ``x-kubernetes-preserve-unknown-fields``.
        merge_key: How a strategic merge patch finds an entry of this list again; an empty
            string for lists of scalars that merge as a set; None for lists replaced whole.
    """

    type: str = ""
    type_name: str = ""
    description: str = ""
    format: str = ""
    fields: Callable[[], Mapping[str, "Node"]] = field(default=dict)
    required: tuple[str, ...] = ()
    items: Callable[[], "Node"] | None = None
    additional: "Node | bool | None" = None
    bounds: Bounds = Bounds()
    default: Any = ABSENT
    nullable: bool = False
    preserve: bool = False
    int_or_string: bool = False
    embedded: bool = False
    list_type: str = "atomic"
    list_keys: tuple[str, ...] = ()
    merge_key: str | None = None
    rules: tuple[Rule, ...] = ()
    junctors: Mapping[str, tuple["Node", ...]] = field(default_factory=dict)

    @cached_property
    def properties(self) -> Mapping[str, "Node"]:
        """Known fields by name."""
        return self.fields()

    @cached_property
    def item(self) -> "Node":
        """Schema of the entries of a list."""
        return self.items() if self.items is not None else Node()

    @cached_property
    def has_defaults(self) -> bool:
        """Whether a default stands anywhere below; custom schemas have no circles."""
        return (
            self.default is not ABSENT
            or any(child.has_defaults for child in self.properties.values())
            or (self.items is not None and self.item.has_defaults)
            or (isinstance(self.additional, Node) and self.additional.has_defaults)
        )

    @cached_property
    def has_rules(self) -> bool:
        """Whether a CEL rule stands anywhere below; custom schemas have no circles."""
        return (
            bool(self.rules)
            or any(child.has_rules for child in self.properties.values())
            or (self.items is not None and self.item.has_rules)
            or (isinstance(self.additional, Node) and self.additional.has_rules)
        )


def from_openapi(schema: Mapping[str, Any]) -> Node:
    """Read a structural schema as a CustomResourceDefinition has it."""
    properties = {key: from_openapi(child) for key, child in schema.get("properties", {}).items()}
    items = from_openapi(schema["items"]) if isinstance(schema.get("items"), Mapping) else None
    additional = schema.get("additionalProperties")
    junctors = {
        key: tuple(from_openapi(part) for part in parts)
        for key in ("allOf", "anyOf", "oneOf")
        if (parts := schema.get(key))
    }
    if isinstance(schema.get("not"), Mapping):
        junctors["not"] = (from_openapi(schema["not"]),)
    return Node(
        type=schema.get("type", ""),
        description=schema.get("description", ""),
        format=schema.get("format", ""),
        fields=lambda: properties,
        required=tuple(schema.get("required", ())),
        items=None if items is None else lambda: items,
        additional=from_openapi(additional) if isinstance(additional, Mapping) else additional,
        bounds=_bounds(schema),
        default=schema.get("default", ABSENT),
        nullable=bool(schema.get("nullable")),
        preserve=bool(schema.get("x-kubernetes-preserve-unknown-fields")),
        int_or_string=bool(schema.get("x-kubernetes-int-or-string")),
        embedded=bool(schema.get("x-kubernetes-embedded-resource")),
        list_type=schema.get("x-kubernetes-list-type", "atomic"),
        list_keys=tuple(schema.get("x-kubernetes-list-map-keys", ())),
        rules=tuple(_rule(entry) for entry in schema.get("x-kubernetes-validations", ())),
        junctors=junctors,
    )


def _bounds(schema: Mapping[str, Any]) -> Bounds:
    return Bounds(
        enum=tuple(schema["enum"]) if "enum" in schema else None,
        pattern=schema.get("pattern"),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        exclusive_minimum=bool(schema.get("exclusiveMinimum")),
        exclusive_maximum=bool(schema.get("exclusiveMaximum")),
        multiple_of=schema.get("multipleOf"),
        min_length=schema.get("minLength"),
        max_length=schema.get("maxLength"),
        min_items=schema.get("minItems"),
        max_items=schema.get("maxItems"),
        unique_items=bool(schema.get("uniqueItems")),
        min_properties=schema.get("minProperties"),
        max_properties=schema.get("maxProperties"),
    )


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        rule=entry["rule"],
        message=entry.get("message", ""),
        message_expression=entry.get("messageExpression", ""),
        reason=entry.get("reason") or "FieldValueInvalid",
        field_path=entry.get("fieldPath", ""),
        optional_old_self=entry.get("optionalOldSelf"),
    )
