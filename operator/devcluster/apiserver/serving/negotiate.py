"""Content negotiation: plain objects, tables, metadata only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from devcluster.apiserver import errors
from devcluster.apiserver.kinds.columns import AGE
from devcluster.apiserver.kinds.columns import age as shown_age
from devcluster.apiserver.kinds.resource import Column, Resource
from devcluster.apiserver.objects import Object, name_of

JSON = "application/json"
_META_GROUP = "meta.k8s.io"


class Form(Enum):
    """How objects are shown."""

    OBJECT = "object"
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"
    METADATA_LIST = "PartialObjectMetadataList"


@dataclass(frozen=True, slots=True)
class MediaType:
    """One entry of an Accept header."""

    type: str
    parameters: dict[str, str]


def parse_accept(header: str) -> Sequence[MediaType]:
    """The entries of an Accept header, in the order of preference."""
    entries: list[tuple[float, MediaType]] = []
    for part in header.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        values = dict(piece.split("=", 1) for piece in parameters if "=" in piece)
        entries.append((float(values.get("q", "1")), MediaType(kind, values)))
    return [entry for _, entry in sorted(entries, key=lambda pair: -pair[0])]


def negotiate(accept: str | None) -> Form:
    """The first form that the client accepts and the server has.

    Raises:
        ApiError: 406, there is none.
    """
    for entry in parse_accept(accept or "*/*"):
        if entry.type not in {JSON, "*/*", "application/*"}:
            continue
        wanted = entry.parameters.get("as")
        if not wanted:
            return Form.OBJECT
        if entry.parameters.get("g") == _META_GROUP and entry.parameters.get("v") == "v1":
            for form in (Form.TABLE, Form.METADATA, Form.METADATA_LIST):
                if form.value == wanted:
                    return form
    raise errors.not_acceptable((JSON, "application/yaml", "application/vnd.kubernetes.protobuf"))


def metadata_only(obj: Object) -> Object:
    """The object as ``PartialObjectMetadata``."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


_NAME = Column(
    name="Name",
    value=name_of,
    format="name",
    description="Name must be unique within a namespace.",
)


def _columns(resource: Resource) -> Sequence[Column]:
    if resource.columns is not None:
        return (_NAME, *resource.columns)
    return (_NAME, AGE)


def _cell(resource: Resource, column: Column, obj: Object) -> Any:
    value = column.value(obj)
    if not resource.custom:
        return value
    match column.type:
        case "date" if isinstance(value, str):
            try:
                return shown_age(value)
            except ValueError:
                return "<unknown>"
        case "integer" if isinstance(value, float):
            return int(value)
        case "string" if value is not None and not isinstance(value, str):
            return _text(value)
        case _:
            return value


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def table(
    resource: Resource,
    objects: Sequence[Object],
    metadata: Object,
    *,
    include: str = "Metadata",
    headers: bool = True,
) -> Object:
    """A ``Table`` of objects. A watch sends the headers in its first table only."""
    columns = _columns(resource)
    body: Object = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": None,
        "rows": [
            {"cells": [_cell(resource, column, obj) for column in columns]}
            | _included(obj, include)
            for obj in objects
        ],
    }
    if headers:
        body["columnDefinitions"] = [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": column.description,
                "priority": column.priority,
            }
            for column in columns
        ]
    return body


def _included(obj: Object, include: str) -> Object:
    match include:
        case "None":
            return {}
        case "Object":
            return {"object": obj}
        case _:
            return {"object": metadata_only(obj)}
