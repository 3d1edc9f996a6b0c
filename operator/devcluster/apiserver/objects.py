"""Vocabulary of objects: JSON documents with ``metadata``, and the few helpers that all use."""

import random
import uuid
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON. What is stored is never changed in place."""

# What Kubernetes takes for generated names: no vowels, no look-alikes.
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_BASE = 63 - 5


def now() -> str:
    """The time as ``metav1.Time`` writes it: whole seconds, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_uid() -> str:
    """A uid that no other object has."""
    return str(uuid.uuid4())


def generated_name(base: str) -> str:
    """``base`` and five random characters."""
    return base[:_LONGEST_BASE] + "".join(random.choices(_SUFFIX, k=5))


def meta(obj: Object) -> Object:
    """The object's metadata, created when missing."""
    found = obj.get("metadata")
    if not isinstance(found, dict):
        found = obj["metadata"] = {}
    return found


def name_of(obj: Object) -> str:
    """``metadata.name``, or an empty string."""
    return str(obj.get("metadata", {}).get("name") or "")


def namespace_of(obj: Object) -> str:
    """``metadata.namespace``, or an empty string."""
    return str(obj.get("metadata", {}).get("namespace") or "")


def clone(obj: Object) -> Object:
    """A deep copy that may be changed."""
    copied: Object = msgspec.json.decode(msgspec.json.encode(obj))  # ten times faster than deepcopy
    return copied


def without_type(obj: Object) -> Object:
    """The object as an item of a typed list: no apiVersion, no kind."""
    return {key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}}
