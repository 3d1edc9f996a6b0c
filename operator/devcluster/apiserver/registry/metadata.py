"""Rules for ``metadata`` that hold for every kind."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from devcluster.apiserver.errors import Cause, forbidden_field, invalid_value, required
from devcluster.apiserver.kinds.labels import annotation_causes, key_causes, label_map_causes
from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object

_MAX_ANNOTATIONS = 256 * 1024
_STANDARD_FINALIZERS = frozenset({"orphan", "foregroundDeletion", "kubernetes"})

SYSTEM_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)
"""What only the server sets."""


def metadata_causes(
    strategy: Strategy, meta: Mapping[str, Any], *, custom: bool
) -> Iterator[Cause]:
    """What is wrong with an object's metadata; custom resources may have any finalizer."""
    name = meta.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    else:
        yield from strategy.name_causes("metadata.name", name)
    yield from label_map_causes(meta.get("labels") or {}, "metadata.labels")
    yield from _annotation_causes(meta.get("annotations") or {})
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        yield from key_causes(finalizer, "metadata.finalizers")
        if not custom and "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid_value(f"metadata.finalizers[{index}]", finalizer, detail)
    yield from _owner_causes(meta.get("ownerReferences") or ())


def _annotation_causes(annotations: Mapping[str, str]) -> Iterator[Cause]:
    yield from annotation_causes(annotations, "metadata.annotations")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _MAX_ANNOTATIONS:
        yield Cause(
            "metadata.annotations",
            "FieldValueTooLong",
            f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes",
        )


def system_field_causes(given: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Cause]:
    """What only a deletion sets may be repeated in an update, or left out, and not changed."""
    stamp = given.get("deletionTimestamp")
    if stamp and not before.get("deletionTimestamp"):
        yield invalid_value("metadata.deletionTimestamp", stamp, "field is immutable")
    grace = given.get("deletionGracePeriodSeconds")
    if grace is not None and grace != before.get("deletionGracePeriodSeconds"):
        yield invalid_value("metadata.deletionGracePeriodSeconds", grace, "field is immutable")


def _owner_causes(owners: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    path = "metadata.ownerReferences"
    controllers = []
    for owner in owners:
        version = owner.get("apiVersion", "")
        if version.count("/") > 1 or not version.rpartition("/")[2]:
            yield invalid_value(f"{path}.apiVersion", version, "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                yield invalid_value(f"{path}.{field}", owner.get(field, ""), "must not be empty")
        if (version, owner.get("kind")) == ("v1", "Event"):
            yield invalid_value(path, owner, "/v1, Kind=Event is disallowed from being an owner")
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        names = " and ".join(f"{owner['kind']}/{owner['name']}" for owner in controllers[:2])
        yield invalid_value(
            path,
            list(owners),
            "Only one reference can have Controller set to true. Found "
            f'"true" in references for {names}',
        )


def metadata_update_causes(new: Object, old: Object) -> Iterator[Cause]:
    """What an update may not change in metadata."""
    fresh, before = new["metadata"], old["metadata"]
    if before.get("deletionTimestamp"):
        added = [
            f for f in fresh.get("finalizers") or () if f not in (before.get("finalizers") or ())
        ]
        if added:
            shown = ", ".join(msgspec.json.encode(item).decode() for item in added)
            yield forbidden_field(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{shown}}}",
            )
    for field in ("name", "namespace"):
        if fresh.get(field) != before.get(field):
            yield invalid_value(f"metadata.{field}", fresh.get(field, ""), "field is immutable")
