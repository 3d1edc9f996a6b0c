"""Defaults and rules of the core kinds except pods."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any

from devcluster.apiserver.errors import (
    Cause,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from devcluster.apiserver.kinds.strategy import Strategy, label_causes
from devcluster.apiserver.objects import Object, name_of, new_uid

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
_MAX_DATA = 1 << 20
_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_KEY_DETAIL = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_KEY_CHARACTERS = frozenset("-._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


class StatusStrategy(Strategy):
    """A kind with a status path and nothing else."""

    has_status = True


class NamespaceStrategy(StatusStrategy):
    """Namespaces: a phase, a finalizer of their own, a label with their name."""

    returns_deleted = True

    def default(self, obj: Object) -> None:
        name = name_of(obj)
        if name:
            labels = obj["metadata"].get("labels") or {}
            obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": name}

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {"phase": "Active"}
        obj["spec"] = {"finalizers": ["kubernetes"]}

    def prepare_update(self, new: Object, old: Object) -> None:
        self.keep(new, old, "status")
        self.keep(new, old, "spec")

    def name_causes(self, field: str, name: str) -> Iterable[Cause]:
        return label_causes(field, name)


class _DataStrategy(Strategy):
    """Keys and sizes of ConfigMaps and Secrets; ``immutable`` freezes them."""

    def validate(self, obj: Object) -> Iterator[Cause]:
        size = 0
        for field in ("data", "binaryData"):
            for key, value in (obj.get(field) or {}).items():
                if not key or len(key) > 253 or not _KEY_CHARACTERS.issuperset(key):
                    yield invalid_value(f"{field}[{key}]", key, _KEY_DETAIL)
                size += len(value)
        if size > _MAX_DATA:
            yield Cause(
                "[]", "FieldValueTooLong", f"Too long: may not be more than {_MAX_DATA} bytes"
            )

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        if old.get("immutable"):
            for field in ("data", "binaryData", "immutable"):
                if new.get(field) != old.get(field):
                    yield forbidden_field(field, "field is immutable when `immutable` is set")


class ConfigMapStrategy(_DataStrategy):
    """ConfigMaps."""


class SecretStrategy(_DataStrategy):
    """Secrets: base64 data, stringData folded in, an immutable type."""

    def default(self, obj: Object) -> None:
        obj.setdefault("type", "Opaque")
        plain = obj.pop("stringData", None)
        if plain:
            encoded = {k: base64.b64encode(v.encode()).decode() for k, v in plain.items()}
            obj["data"] = {**(obj.get("data") or {}), **encoded}

    def validate(self, obj: Object) -> Iterator[Cause]:
        for key in _REQUIRED_KEYS.get(obj["type"], ()):
            if key not in (obj.get("data") or {}):
                yield required(f"data[{key}]")
        yield from super().validate(obj)

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        if new.get("type") != old.get("type"):
            yield invalid_value("type", new.get("type"), "field is immutable")
        yield from super().validate_update(new, old)


def check_base64(obj: Object) -> str | None:
    """What Go's decoder says of data that is not base64, or None."""
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return "illegal base64 data at input byte 0"
    return None


class ServiceAccountStrategy(Strategy):
    """ServiceAccounts."""

    returns_deleted = True


class ServiceStrategy(StatusStrategy):
    """Services: objects only, nothing routes."""

    returns_deleted = True

    def default(self, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("type", "ClusterIP")
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("internalTrafficPolicy", "Cluster")
        for port in spec.get("ports") or ():
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port.get("port"))

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {"loadBalancer": {}}


def add_finalizer(obj: Object, finalizer: str) -> None:
    """Add a finalizer, unless it is there."""
    finalizers = obj["metadata"].get("finalizers") or []
    if finalizer not in finalizers:
        obj["metadata"]["finalizers"] = [*finalizers, finalizer]


class ClaimStrategy(StatusStrategy):
    """PersistentVolumeClaims: pending until a runner binds them, then mostly immutable."""

    returns_deleted = True

    def default(self, obj: Object) -> None:
        obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {"phase": "Pending"}
        add_finalizer(obj, CLAIM_FINALIZER)

    def validate(self, obj: Object) -> Iterator[Cause]:
        spec = obj["spec"]
        modes = spec.get("accessModes") or ()
        if not modes:
            yield required("spec.accessModes", "at least 1 access mode is required")
        supported = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
        for mode in modes:
            if mode not in supported:
                yield not_supported("spec.accessModes", mode, sorted(supported))
        if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
            yield required("spec.resources[storage]")

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        def fixed(obj: Object) -> dict[str, Any]:
            skip = {"resources", "volumeAttributesClassName"}
            if not old["spec"].get("volumeName"):
                skip.add("volumeName")
            if "storageClassName" not in old["spec"]:
                skip.add("storageClassName")
            return {key: value for key, value in obj["spec"].items() if key not in skip}

        if fixed(new) != fixed(old):
            yield forbidden_field(
                "spec",
                "spec is immutable after creation except resources.requests and "
                "volumeAttributesClassName for bound claims",
            )


class VolumeStrategy(StatusStrategy):
    """PersistentVolumes."""

    returns_deleted = True

    def default(self, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {"phase": "Pending"}
        add_finalizer(obj, VOLUME_FINALIZER)

    def validate(self, obj: Object) -> Iterator[Cause]:
        spec = obj["spec"]
        if not spec.get("accessModes"):
            yield required("spec.accessModes")
        if not spec.get("capacity"):
            yield required("spec.capacity")


class NodeStrategy(StatusStrategy):
    """Nodes; their status is set at creation too, as kubelets register."""

    def prepare_create(self, obj: Object) -> None:
        obj.setdefault("spec", {})
        status = obj.setdefault("status", {})
        status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 0}})
        info = status.setdefault("nodeInfo", {})
        for field in (
            "architecture",
            "bootID",
            "containerRuntimeVersion",
            "kernelVersion",
            "kubeProxyVersion",
            "kubeletVersion",
            "machineID",
            "operatingSystem",
            "osImage",
            "systemUUID",
        ):
            info.setdefault(field, "")


def default_service_account(namespace: str) -> Object:
    """The ServiceAccount that every namespace gets."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace, "uid": new_uid()},
    }
