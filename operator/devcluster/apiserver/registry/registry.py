"""The registry: what a create, an update, a patch and a deletion mean, for every kind."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from devcluster.apiserver import errors
from devcluster.apiserver.errors import Cause, invalid, invalid_value
from devcluster.apiserver.kinds.resource import Resource, Scheme
from devcluster.apiserver.objects import (
    Object,
    clone,
    generated_name,
    name_of,
    new_uid,
    now,
)
from devcluster.apiserver.registry.codec import decode, view
from devcluster.apiserver.registry.deletion import (
    check_preconditions,
    mark_deleted,
    needs_marking,
)
from devcluster.apiserver.registry.metadata import (
    SYSTEM_FIELDS,
    metadata_causes,
    metadata_update_causes,
    system_field_causes,
)
from devcluster.apiserver.registry.options import DeleteOptions, WriteOptions
from devcluster.apiserver.schema.node import ABSENT, Node
from devcluster.apiserver.schema.rules import check_rules
from devcluster.apiserver.schema.validate import BLOCKING, validate
from devcluster.apiserver.storage.store import Key, Store

_NOT_CHECKED = Cause(
    "<nil>",
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


class Admission(Protocol):
    """Rules that need to see other objects; may change the object, or refuse."""

    def admit_create(self, resource: Resource, obj: Object, options: WriteOptions) -> None:
        """Before an object is validated and created."""

    def admit_update(self, resource: Resource, obj: Object) -> None:
        """Before an object is validated and updated."""

    def admit_delete(self, resource: Resource, obj: Object) -> None:
        """Before an object is deleted."""


class Registry:
    """Objects by resource and name, under Kubernetes' rules."""

    def __init__(self, store: Store, scheme: Scheme, admission: Admission) -> None:
        self.store = store
        self.scheme = scheme
        self._admission = admission
        self._schema_changed: dict[str, int] = {}

    def schema_changed(self, resource: Resource) -> None:
        """Objects stored up to now were defaulted by another schema."""
        self._schema_changed[resource.table] = self.store.revision

    def view(self, resource: Resource, obj: Object) -> Object:
        """A stored object as readers of this version see it."""
        changed = self._schema_changed.get(resource.table, -1)
        fill = resource.custom and int(obj["metadata"].get("resourceVersion", changed)) < changed
        return view(resource, obj, fill=fill)

    def stored(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object as it is kept.

        Raises:
            ApiError: 404.
        """
        obj = self.store.get(Key(resource.table, namespace, name))
        if obj is None:
            raise errors.not_found(resource.plural, resource.group, name)
        return obj

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object.

        Raises:
            ApiError: 404.
        """
        return self.view(resource, self.stored(resource, namespace, name))

    def create(
        self, resource: Resource, namespace: str, body: Any, options: WriteOptions
    ) -> Object:
        """Create an object from a request's body."""
        obj = decode(resource, body, options)
        meta = obj["metadata"]
        if resource.namespaced:
            if (meta.get("namespace") or namespace) != namespace:
                raise errors.bad_request(
                    "the namespace of the provided object does not match the namespace sent on "
                    "the request"
                )
            meta["namespace"] = namespace
        else:
            meta.pop("namespace", None)
        for field in SYSTEM_FIELDS:
            meta.pop(field, None)
        meta["uid"], meta["creationTimestamp"] = new_uid(), now()
        if resource.strategy.counts_generations:
            meta["generation"] = 1
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = generated_name(meta["generateName"])
        resource.strategy.default(obj)
        resource.strategy.prepare_create(obj)
        self._admission.admit_create(resource, obj, options)
        self._validate(resource, obj, None)
        resource.strategy.settle(obj)
        key = Key(resource.table, namespace, name_of(obj))
        if meta.pop("resourceVersion", None) and not options.dry_run:
            raise errors.ApiError(
                500, "", "resourceVersion should not be set on objects to be created"
            )
        if self.store.get(key) is not None:
            raise errors.already_exists(resource.plural, resource.group, key.name)
        if options.dry_run:
            return self.view(resource, obj)
        return self.view(resource, self.store.write(key, obj))

    def _validate(self, resource: Resource, obj: Object, old: Object | None) -> None:
        strategy = resource.strategy
        causes = list(metadata_causes(strategy, obj["metadata"], custom=resource.custom))
        if old is not None:
            causes += metadata_update_causes(obj, old)
        if resource.custom:
            causes = self._custom_causes(resource, obj, old, causes)
        else:
            causes += strategy.validate(obj)
        if old is not None:
            causes += strategy.validate_update(obj, old)
        self._refuse(resource, name_of(obj), causes)

    @staticmethod
    def _custom_causes(
        resource: Resource, obj: Object, old: Object | None, found: list[Cause]
    ) -> list[Cause]:
        node, before = resource.node, ABSENT if old is None else old
        exist = node.has_rules
        return [*found, *_schema_causes(node, obj, before, "", found, rules_exist=exist)]

    @staticmethod
    def _refuse(resource: Resource, name: str, causes: Sequence[Cause]) -> None:
        if causes:
            raise invalid(resource.kind, resource.error_group, name, causes)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Replace an object, or its status; whether it had to be created is the second value."""
        if not name:
            raise errors.bad_request("name must be provided")
        new = decode(resource, body, options)
        given = name_of(new)
        if given and given != name:
            raise errors.bad_request(
                f"the name of the object ({given}) does not match the name on the URL ({name})"
            )
        if not given:
            raise errors.bad_request(
                f"the name of the object ({name} based on URL) was undeterminable: name must be "
                "provided"
            )
        if resource.namespaced and (new["metadata"].get("namespace") or namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the object does not match the namespace on the URL"
            )
        existing = self.store.get(Key(resource.table, namespace, name))
        if existing is None:
            if not resource.strategy.creates_on_update or subresource:
                raise errors.not_found(resource.plural, resource.group, name)
            new["metadata"].pop("resourceVersion", None)
            return self.create(
                resource, namespace, {**body, "metadata": new["metadata"]}, options
            ), True
        self._check_version(resource, new, existing)
        uid, known = new["metadata"].get("uid"), existing["metadata"]["uid"]
        if uid and uid != known:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {known}"
            raise errors.conflict(resource.plural, resource.group, name, why)
        return self._replace(resource, new, existing, options, subresource), False

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Any],
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Object:
        """Change an object, or its status, by a function over its JSON."""
        existing = self.stored(resource, namespace, name)
        patched = change(clone(self.view(resource, existing)))
        if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
            raise errors.bad_request("the patch must leave an object with metadata")
        new = decode(resource, patched, options, patched=True)
        if name_of(new) != name:
            raise errors.bad_request(
                f"the name of the object ({name_of(new)}) does not match the name on the URL "
                f"({name})"
            )
        if (new["metadata"].get("namespace") or namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        self._check_version(resource, new, existing)
        uid = new["metadata"].get("uid")
        # The status path of a custom resource takes nothing of metadata, so it minds nothing.
        if uid not in {None, existing["metadata"]["uid"]} and not (resource.custom and subresource):
            cause = invalid_value("metadata.uid", uid, "field is immutable")
            self._refuse(resource, name, [cause])
        return self._replace(resource, new, existing, options, subresource)

    def _replace(
        self,
        resource: Resource,
        new: Object,
        old: Object,
        options: WriteOptions,
        subresource: str,
    ) -> Object:
        key = Key(resource.table, old["metadata"].get("namespace", ""), name_of(old))
        meta, before = new["metadata"], old["metadata"]
        if not (resource.custom and subresource):
            self._refuse(resource, key.name, list(system_field_causes(meta, before)))
        for field in SYSTEM_FIELDS:
            meta.pop(field, None)
            if field in before:
                meta[field] = before[field]
        meta["resourceVersion"] = before["resourceVersion"]
        meta.setdefault("name", before["name"])
        if resource.namespaced:
            meta.setdefault("namespace", before["namespace"])
        strategy = resource.strategy
        # The new object may share parts with the stored one; hooks write into it.
        new = clone(new)
        if subresource == "status":
            strategy.prepare_status_update(new, old)
            strategy.default(new)
        else:
            strategy.default(new)
            strategy.prepare_update(new, old)
        if strategy.counts_generations and _content(resource, new) != _content(resource, old):
            new["metadata"]["generation"] = before.get("generation", 0) + 1
        self._admission.admit_update(resource, new)
        if subresource == "status":
            self._refuse(resource, key.name, self._status_causes(resource, new, old))
        else:
            self._validate(resource, new, old)
        if options.dry_run or _encoded(new) == _encoded(old):
            return self.view(resource, new)
        return self.view(resource, self._commit(resource, key, new))

    def _status_causes(self, resource: Resource, new: Object, old: Object) -> list[Cause]:
        causes = [*metadata_update_causes(new, old), *resource.strategy.validate_status(new, old)]
        if not resource.custom:
            return causes
        node = resource.node.properties.get("status", Node())
        status, before = new.get("status"), old.get("status", ABSENT)
        if status is None:
            return causes
        exist = resource.node.has_rules
        found = _schema_causes(node, status, before, "status", causes, rules_exist=exist)
        return [*causes, *map(_from_status, found)]

    @staticmethod
    def _check_version(resource: Resource, new: Object, old: Object) -> None:
        name, version = name_of(old), new["metadata"].get("resourceVersion")
        if version in {None, "", "0"}:
            if not resource.strategy.unconditional:
                detail = "must be specified for an update"
                cause = invalid_value("metadata.resourceVersion", 0, detail)
                raise invalid(resource.plural, resource.group, name, [cause])
        elif version != old["metadata"]["resourceVersion"]:
            if not version.isdigit():
                cause = invalid_value("metadata.resourceVersion", version, "must be a number")
                raise invalid(resource.kind, resource.group, name, [cause])
            raise errors.conflict(resource.plural, resource.group, name)

    def _commit(self, resource: Resource, key: Key, new: Object) -> Object:
        meta = new["metadata"]
        if meta.get("deletionTimestamp") and not needs_marking(resource, new):
            # The last finalizer went: the deletion that waited for it is done.
            self.store.write(key, new)
            return self.store.delete(key)
        return self.store.write(key, new)

    def remove_finalizer(self, resource: Resource, obj: Object, finalizer: str) -> None:
        """Take a finalizer off an object, which may end its deletion."""
        changed = clone(obj)
        meta = changed["metadata"]
        meta["finalizers"] = [item for item in meta.get("finalizers") or () if item != finalizer]
        if not meta["finalizers"]:
            del meta["finalizers"]
        key = Key(resource.table, meta.get("namespace", ""), meta["name"])
        self._commit(resource, key, changed)

    def delete(
        self, resource: Resource, namespace: str, name: str, options: DeleteOptions
    ) -> tuple[Object, bool]:
        """Delete an object; returns its state, and whether it is gone already."""
        obj = self.stored(resource, namespace, name)
        check_preconditions(resource, obj, options)
        self._admission.admit_delete(resource, obj)
        marked = mark_deleted(resource, obj, options)
        gone = not needs_marking(resource, marked)
        if options.dry_run:
            return self.view(resource, marked), gone
        key = Key(resource.table, namespace, name)
        if gone:
            return self.view(resource, self.store.delete(key)), True
        if _encoded(marked) == _encoded(obj):
            return self.view(resource, obj), False
        return self.view(resource, self.store.write(key, marked)), False


def _schema_causes(
    node: Node, value: Any, old: Any, path: str, found: Sequence[Cause], *, rules_exist: bool
) -> list[Cause]:
    """Violations of the schema, then of its rules, which need a schema that holds."""
    causes = list(validate(node, value, path))
    if any(cause.reason in BLOCKING for cause in (*found, *causes)):
        return [*causes, _NOT_CHECKED] if rules_exist else causes
    return [*causes, *check_rules(node, value, old, path)]


def _from_status(cause: Cause) -> Cause:
    """The status path is validated by itself: its messages name fields from there on."""
    below = cause.field.removeprefix("status.")
    return replace(
        cause, message=cause.message.replace(f"{cause.field} in body", f"{below} in body")
    )


def _content(resource: Resource, obj: Object) -> bytes:
    """What a generation counts the changes of."""
    if resource.custom:
        skip = {"metadata", "status"} if resource.strategy.has_status else {"metadata"}
        content = {key: value for key, value in obj.items() if key not in skip}
    else:
        content = obj.get("spec") or {}
    return msgspec.json.encode(content, order="sorted")


def _encoded(obj: Object) -> bytes:
    return msgspec.json.encode(obj, order="sorted")
