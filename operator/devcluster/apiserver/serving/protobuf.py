"""Reads the protobuf bodies that newer ``kubectl`` commands send.

``create secret``, ``auth can-i``, ``create token`` and the like do; ``apply`` does not.
Only requests are read, and only the messages of the table below, whose field numbers are part
of Kubernetes' API and never change. Answers are JSON, which these clients accept too.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from devcluster.apiserver.errors import ApiError, bad_request, unsupported_media

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

_FIXED64 = 1

Fields = Mapping[int, tuple[str, str]]
"""Number -> (name, type). Types: str, int, bool, bytes, a message's name; ``[]`` before it for
lists, ``{}`` for maps from strings; ``time`` is dropped, since only the server sets times."""

_STATUS = ("status", "Ignored")
_META: Fields = {
    1: ("name", "str"),
    2: ("generateName", "str"),
    3: ("namespace", "str"),
    5: ("uid", "str"),
    6: ("resourceVersion", "str"),
    7: ("generation", "int"),
    8: ("creationTimestamp", "time"),
    11: ("labels", "{}str"),
    12: ("annotations", "{}str"),
    13: ("ownerReferences", "[]OwnerReference"),
    14: ("finalizers", "[]str"),
}
_MESSAGES: Mapping[str, Fields] = {
    "TypeMeta": {1: ("apiVersion", "str"), 2: ("kind", "str")},
    "ObjectMeta": _META,
    "OwnerReference": {
        1: ("kind", "str"),
        3: ("name", "str"),
        4: ("uid", "str"),
        5: ("apiVersion", "str"),
        6: ("controller", "bool"),
        7: ("blockOwnerDeletion", "bool"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "Empty"), 3: ("status", "Empty")},
    "Empty": {1: ("type", "str")},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{}str"),
        3: ("binaryData", "{}bytes"),
        4: ("immutable", "bool"),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{}bytes"),
        3: ("type", "str"),
        4: ("stringData", "{}str"),
        5: ("immutable", "bool"),
    },
    "ServiceAccount": {
        1: ("metadata", "ObjectMeta"),
        2: ("secrets", "[]Reference"),
        3: ("imagePullSecrets", "[]Named"),
        4: ("automountServiceAccountToken", "bool"),
    },
    "Named": {1: ("name", "str")},
    "Reference": {1: ("kind", "str"), 2: ("namespace", "str"), 3: ("name", "str")},
    "TokenRequest": {
        1: ("metadata", "ObjectMeta"),
        2: ("spec", "TokenRequestSpec"),
        3: _STATUS,
    },
    "TokenRequestSpec": {
        1: ("audiences", "[]str"),
        3: ("boundObjectRef", "BoundObject"),
        4: ("expirationSeconds", "int"),
    },
    "BoundObject": {
        1: ("kind", "str"),
        2: ("apiVersion", "str"),
        3: ("name", "str"),
        4: ("uid", "str"),
    },
    "Role": {1: ("metadata", "ObjectMeta"), 2: ("rules", "[]PolicyRule")},
    "ClusterRole": {1: ("metadata", "ObjectMeta"), 2: ("rules", "[]PolicyRule")},
    "PolicyRule": {
        1: ("verbs", "[]str"),
        2: ("apiGroups", "[]str"),
        3: ("resources", "[]str"),
        4: ("resourceNames", "[]str"),
        5: ("nonResourceURLs", "[]str"),
    },
    "RoleBinding": {
        1: ("metadata", "ObjectMeta"),
        2: ("subjects", "[]Subject"),
        3: ("roleRef", "RoleRef"),
    },
    "ClusterRoleBinding": {
        1: ("metadata", "ObjectMeta"),
        2: ("subjects", "[]Subject"),
        3: ("roleRef", "RoleRef"),
    },
    "Subject": {
        1: ("kind", "str"),
        2: ("apiGroup", "str"),
        3: ("name", "str"),
        4: ("namespace", "str"),
    },
    "RoleRef": {1: ("apiGroup", "str"), 2: ("kind", "str"), 3: ("name", "str")},
    "SelfSubjectAccessReview": {
        1: ("metadata", "ObjectMeta"),
        2: ("spec", "SelfAccess"),
        3: _STATUS,
    },
    "SelfAccess": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "NonResourceAttributes"),
    },
    "ResourceAttributes": {
        1: ("namespace", "str"),
        2: ("verb", "str"),
        3: ("group", "str"),
        4: ("version", "str"),
        5: ("resource", "str"),
        6: ("subresource", "str"),
        7: ("name", "str"),
    },
    "NonResourceAttributes": {1: ("path", "str"), 2: ("verb", "str")},
    "SelfSubjectRulesReview": {
        1: ("metadata", "ObjectMeta"),
        2: ("spec", "RulesSpec"),
        3: _STATUS,
    },
    "RulesSpec": {1: ("namespace", "str")},
    "ResourceQuota": {1: ("metadata", "ObjectMeta"), 2: ("spec", "QuotaSpec"), 3: _STATUS},
    "QuotaSpec": {1: ("hard", "{}quantity")},
    "Deployment": {1: ("metadata", "ObjectMeta"), 2: ("spec", "DeploymentSpec"), 3: _STATUS},
    "DeploymentSpec": {
        1: ("replicas", "int"),
        2: ("selector", "LabelSelector"),
        3: ("template", "PodTemplateSpec"),
        4: ("strategy", "Empty"),
    },
    "Job": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec"), 3: _STATUS},
    "JobSpec": {
        1: ("parallelism", "int"),
        2: ("completions", "int"),
        3: ("activeDeadlineSeconds", "int"),
        4: ("selector", "LabelSelector"),
        5: ("manualSelector", "bool"),
        6: ("template", "PodTemplateSpec"),
        7: ("backoffLimit", "int"),
        8: ("ttlSecondsAfterFinished", "int"),
        9: ("completionMode", "str"),
        10: ("suspend", "bool"),
    },
    "LabelSelector": {1: ("matchLabels", "{}str")},
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {
        2: ("containers", "[]Container"),
        3: ("restartPolicy", "str"),
        4: ("terminationGracePeriodSeconds", "int"),
        5: ("activeDeadlineSeconds", "int"),
        6: ("dnsPolicy", "str"),
        7: ("nodeSelector", "{}str"),
        8: ("serviceAccountName", "str"),
        10: ("nodeName", "str"),
    },
    "Container": {
        1: ("name", "str"),
        2: ("image", "str"),
        3: ("command", "[]str"),
        4: ("args", "[]str"),
        5: ("workingDir", "str"),
        8: ("resources", "Empty"),
        14: ("imagePullPolicy", "str"),
    },
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta"), 2: _STATUS},
}


def read_protobuf(body: bytes) -> Any:
    """The object of a protobuf body, as JSON would have it.

    Raises:
        ApiError: 400, the body is broken; 415, the kind is not in the table.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("the body does not begin as Kubernetes' protobuf does")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        kind = _message("TypeMeta", envelope[1])
        return kind | _message(_known(kind["kind"]), envelope.get(2, b""))
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise bad_request(f"the protobuf body cannot be read: {error!r}") from error


def _known(kind: str) -> str:
    if kind not in _MESSAGES:
        raise _unsupported(kind)
    return kind


def _unsupported(what: str) -> ApiError:
    error = unsupported_media(("application/json", "application/yaml"))
    error.message += f"; {what} is not read as protobuf: write a file and use kubectl apply -f"
    return error


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and raw values: an integer, or bytes."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        match key & 7:
            case 0:
                value, position = _varint(data, position)
                yield key >> 3, value
            case 2:
                length, position = _varint(data, position)
                yield key >> 3, data[position : position + length]
                position += length
            case 1 | 5 as wire:
                position += 8 if wire == _FIXED64 else 4  # no table has such a field
            case wire:
                raise KeyError(f"wire type {wire}")


def _message(name: str, data: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = {}
    if name == "Ignored":
        return decoded
    for number, raw in _fields(data):
        if number not in _MESSAGES[name]:
            if raw and name != "ObjectMeta":
                raise _unsupported(f"field {number} of {name}")
            continue
        field, kind = _MESSAGES[name][number]
        if kind == "time":
            continue
        if kind.startswith("[]"):
            decoded.setdefault(field, []).append(_value(kind[2:], raw))
        elif kind.startswith("{}"):
            entry = dict(_fields(raw))
            value = _value(kind[2:], entry.get(2, b""))
            decoded.setdefault(field, {})[entry.get(1, b"").decode()] = value
        elif (value := _value(kind, raw)) != "":
            decoded[field] = value
    return decoded


def _value(kind: str, raw: Any) -> Any:
    match kind:
        case "str":
            return raw.decode()
        case "int":
            return raw - (1 << 64) if raw >= 1 << 63 else raw
        case "bool":
            return bool(raw)
        case "bytes":
            return base64.b64encode(raw).decode()
        case "quantity":
            return dict(_fields(raw)).get(1, b"0").decode()
        case _:
            return _message(kind, raw)
