"""Schemas of the built-in kinds, from the models of the official client.

The package carries every field with its type and description, generated from Kubernetes' own
OpenAPI document; what that document says and the models do not (merge keys, quantities,
micro-second times, default unions) is the tables below.
"""

import importlib
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from devcluster.apiserver.schema.node import Node

# (model, JSON field) -> merge key of a strategic merge patch; "" merges a list as a set.
_MERGE_KEYS: Mapping[tuple[str, str], str] = {
    ("PodSpec", "containers"): "name",
    ("PodSpec", "initContainers"): "name",
    ("PodSpec", "ephemeralContainers"): "name",
    ("PodSpec", "volumes"): "name",
    ("PodSpec", "imagePullSecrets"): "name",
    ("PodSpec", "hostAliases"): "ip",
    ("PodSpec", "topologySpreadConstraints"): "topologyKey",
    ("PodSpec", "resourceClaims"): "name",
    ("PodSpec", "schedulingGates"): "name",
    ("Container", "env"): "name",
    ("Container", "ports"): "containerPort",
    ("Container", "volumeMounts"): "mountPath",
    ("Container", "volumeDevices"): "devicePath",
    ("EphemeralContainer", "env"): "name",
    ("EphemeralContainer", "ports"): "containerPort",
    ("EphemeralContainer", "volumeMounts"): "mountPath",
    ("PodStatus", "conditions"): "type",
    ("PodStatus", "podIPs"): "ip",
    ("PodStatus", "hostIPs"): "ip",
    ("JobStatus", "conditions"): "type",
    ("NodeStatus", "conditions"): "type",
    ("NodeStatus", "addresses"): "type",
    ("NodeSpec", "podCIDRs"): "",
    ("NamespaceStatus", "conditions"): "type",
    ("PersistentVolumeClaimStatus", "conditions"): "type",
    ("DeploymentStatus", "conditions"): "type",
    ("PodDisruptionBudgetStatus", "conditions"): "type",
    ("ServiceSpec", "ports"): "port",
    ("ServiceStatus", "conditions"): "type",
    ("ServiceAccount", "secrets"): "name",
    ("ObjectMeta", "ownerReferences"): "uid",
    ("ObjectMeta", "finalizers"): "",
}
# Fields of type resource.Quantity: a string, or a number that becomes one.
_QUANTITIES = frozenset(
    {
        ("ResourceRequirements", "limits"),
        ("ResourceRequirements", "requests"),
        ("VolumeResourceRequirements", "limits"),
        ("VolumeResourceRequirements", "requests"),
        ("PodSpec", "overhead"),
        ("EmptyDirVolumeSource", "sizeLimit"),
        ("ResourceFieldSelector", "divisor"),
        ("PersistentVolumeSpec", "capacity"),
        ("PersistentVolumeClaimStatus", "capacity"),
        ("PersistentVolumeClaimStatus", "allocatedResources"),
        ("NodeStatus", "capacity"),
        ("NodeStatus", "allocatable"),
        ("ResourceQuotaSpec", "hard"),
        ("ResourceQuotaStatus", "hard"),
        ("ResourceQuotaStatus", "used"),
        ("ContainerStatus", "allocatedResources"),
    }
)
_MICRO_TIMES = frozenset(
    {
        ("LeaseSpec", "acquireTime"),
        ("LeaseSpec", "renewTime"),
        ("Event", "eventTime"),
        ("EventSeries", "lastObservedTime"),
    }
)
_MODEL = re.compile(
    r"(?P<prefix>[A-Za-z]*?)V(?P<version>\d+(?:alpha\d+|beta\d+)?)(?P<kind>[A-Z].*)"
)

Fields = Mapping[str, Node]


def short_name(model: str) -> str:
    """The Go type's name: ``JobSpec`` for ``V1JobSpec``, ``Event`` for ``EventsV1Event``."""
    match = _MODEL.fullmatch(model)
    return match["kind"] if match else model


@cache
def node_of(model: str) -> Node:
    """The schema of a model class of the official client, such as ``V1Job``."""
    return _object(_load(model))


def _load(model: str) -> type[BaseModel]:
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", model)
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words)
    module = importlib.import_module(f"kubernetes.client.models.{words.lower()}")
    loaded: type[BaseModel] = getattr(module, model)
    return loaded


@cache
def _object(model: type[BaseModel]) -> Node:
    name = short_name(model.__name__)
    wire = {
        attribute: field.serialization_alias or attribute
        for attribute, field in model.model_fields.items()
    }
    required = tuple(
        wire[attribute] for attribute, field in model.model_fields.items() if field.is_required()
    )

    def fields() -> Fields:
        return {
            wire[attribute]: _field(name, wire[attribute], field)
            for attribute, field in model.model_fields.items()
        }

    return Node(
        type="object",
        type_name=model.__name__,
        fields=fields,
        required=required,
        preserve=name in {"JSONSchemaProps", "FieldsV1"},
    )


def _field(owner: str, name: str, field: FieldInfo) -> Node:
    changes: dict[str, Any] = {"description": field.description or ""}
    if (owner, name) in _QUANTITIES:
        quantity = Node(type="string", format="quantity", type_name="Quantity")
        if typing.get_origin(_unwrapped(field.annotation)) is not dict:
            return replace(quantity, **changes)
        return Node(type="object", additional=quantity, **changes)
    node = _of(field.annotation)
    if (owner, name) in _MICRO_TIMES:
        changes |= {"format": "micro-time", "type_name": "MicroTime"}
    if (owner, name) in _MERGE_KEYS:
        changes["merge_key"] = _MERGE_KEYS[owner, name]
    return replace(node, **changes)


def _unwrapped(annotation: Any) -> Any:
    """The annotation without Optional and Annotated."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _unwrapped(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        options = [arg for arg in typing.get_args(annotation) if arg is not types.NoneType]
        if len(options) == 1:
            return _unwrapped(options[0])
    return annotation


_SCALARS: Mapping[Any, Callable[[], Node]] = {
    str: lambda: Node(type="string"),
    int: lambda: Node(type="integer"),
    float: lambda: Node(type="number"),
    bool: lambda: Node(type="boolean"),
    bytes: lambda: Node(type="string", format="byte"),
    datetime: lambda: Node(type="string", format="date-time", type_name="Time"),
    Any: lambda: Node(preserve=True),
}


def _of(annotation: Any) -> Node:
    annotation = _unwrapped(annotation)
    if annotation in _SCALARS:
        return _SCALARS[annotation]()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _object(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return Node(type="array", items=lambda: _of(args[0]))
    if origin is dict:
        value = _unwrapped(args[1])
        return Node(type="object", additional=True if value is Any else _of(value))
    kinds = {_unwrapped(arg) for arg in args if arg is not types.NoneType}
    if kinds == {bytes, str}:
        return Node(type="string", format="byte")
    if kinds == {int, str}:
        return Node(int_or_string=True, type_name="IntOrString")
    if kinds == {int, float}:
        return Node(type="number")
    return Node(preserve=True)  # the free parts of JSONSchemaProps
