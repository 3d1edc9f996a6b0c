"""Rules for ``metadata`` that hold for every kind."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from devcluster.apiserver.errors import Cause, forbidden_field, invalid_value, required
from devcluster.apiserver.kinds.strategy import DNS_SUBDOMAIN, SUBDOMAIN_DETAIL, Strategy
from devcluster.apiserver.objects import Object

_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_NAME_DETAIL = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_DETAIL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_MAX_ANNOTATIONS = 256 * 1024

SYSTEM_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)
"""What only the server sets."""


def metadata_causes(strategy: Strategy, meta: Mapping[str, Any]) -> Iterator[Cause]:
    """What is wrong with an object's metadata."""
    name = meta.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    else:
        yield from strategy.name_causes("metadata.name", name)
    yield from label_causes(meta.get("labels") or {}, "metadata.labels")
    yield from _annotation_causes(meta.get("annotations") or {})
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        yield from _finalizer_causes(finalizer, f"metadata.finalizers[{index}]")
    yield from _owner_causes(meta.get("ownerReferences") or ())


def label_causes(labels: Mapping[str, str], path: str) -> Iterator[Cause]:
    """Why these cannot be an object's labels."""
    for key, value in labels.items():
        yield from _key_causes(key, path)
        if len(value) > 63:
            yield invalid_value(path, value, "must be no more than 63 bytes")
        if not _VALUE.fullmatch(value):
            yield invalid_value(path, value, _VALUE_DETAIL)


def _key_causes(key: str, path: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        yield invalid_value(path, key, "prefix part must be non-empty")
    elif slash and not DNS_SUBDOMAIN.fullmatch(prefix):
        yield invalid_value(path, key, f"prefix part {SUBDOMAIN_DETAIL}")
    if not name:
        yield invalid_value(path, key, "name part must be non-empty")
    if len(name) > 63:
        yield invalid_value(path, key, "name part must be no more than 63 bytes")
    if not _QUALIFIED.fullmatch(name):
        yield invalid_value(path, key, _NAME_DETAIL)


def _annotation_causes(annotations: Mapping[str, str]) -> Iterator[Cause]:
    for key in annotations:
        yield from _key_causes(key.lower(), "metadata.annotations")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _MAX_ANNOTATIONS:
        yield Cause(
            "metadata.annotations",
            "FieldValueTooLong",
            f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes",
        )


def _finalizer_causes(finalizer: str, path: str) -> Iterator[Cause]:
    yield from _key_causes(finalizer, path)
    if "/" not in finalizer and finalizer not in {"orphan", "foregroundDeletion", "kubernetes"}:
        yield invalid_value(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")


def _owner_causes(owners: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    path = "metadata.ownerReferences"
    controllers = []
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                shown = "version" if field == "apiVersion" else field
                yield invalid_value(f"{path}[{index}].{field}", owner.get(field, ""), f"{shown} must not be empty")
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        names = " and ".join(str(owner.get("name")) for owner in controllers[:2])
        yield invalid_value(
            path,
            list(owners),
            f'Only one reference can have Controller set to true. Found "true" in references for {names}',
        )


def metadata_update_causes(new: Object, old: Object) -> Iterator[Cause]:
    """What an update may not change in metadata."""
    fresh, before = new["metadata"], old["metadata"]
    if before.get("deletionTimestamp"):
        added = [f for f in fresh.get("finalizers") or () if f not in (before.get("finalizers") or ())]
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
