"""The Job of a run: a pure function of what planning decided, the resource and the settings.

Its name is fixed by the resource's uid, the purpose, the start of the span and the attempt, so
that two operators, or one that crashed, come to the same name and the API server lets only one
of them create it.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import msgspec

from synclog.api import names, run
from synclog.api.run import (
    NOT_RETRIED_INDEX,
    NOT_RETRIED_JOB,
    Owner,
    RunIdentity,
    RunSpec,
    SpanText,
)
from synclog.api.spec import Auth, SyncLogExportSpec
from synclog.controller.objects import EXPORTER, Export
from synclog.controller.pods import overlay
from synclog.planning.model import CreateRun
from synclog.windows import SECOND, Span, cut, format_time, parse_duration

_INDEX_SUFFIX = len("-99999")
"""Pods of an Indexed Job are named after Job and index, and that is a host name: 63 at most."""
_NAME_LIMIT = 63 - _INDEX_SUFFIX
_LONGEST = 2**31 - 1
_LABEL_CLAIM = f"{names.GROUP}/claim"

_DESTINATION = "/var/lib/synclog/destination"
_SPOOL = "/var/lib/synclog/spool"
_AUTH = "/run/synclog/auth"
_CA = "/run/synclog/ca"
_TERMINATION_LOG = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class Exporter:
    """What the operator's settings say about every exporter pod."""

    image: str
    pull_policy: str = "IfNotPresent"
    spool_size: str = "10Gi"
    """Most bytes that the spool of one pod may take on its node, as a Kubernetes quantity."""
    log_format: str = "json"


@dataclass(frozen=True, slots=True)
class Claim:
    """What must be known of the PersistentVolumeClaim."""

    one_node: bool = False
    """Every mode of the claim is for one node: pods that use it must share a node."""
    one_pod: bool = False
    """Only one pod at a time may use it."""


def job_name(export_name: str, uid: str, action: CreateRun) -> str:
    """The name of a run's Job, at most 57 characters."""
    tail = f"-{hashlib.sha256(uid.encode()).hexdigest()[:10]}-{action.key}-{action.attempt}"
    head = export_name.replace(".", "-")[: _NAME_LIMIT - len(tail)].rstrip("-")
    return head + tail


def identity_of(export: Export, action: CreateRun) -> RunIdentity:
    """What the Job says of itself."""
    return RunIdentity(
        purpose=action.purpose,
        slot=action.slot,
        attempt=action.attempt,
        generation=export.generation,
        span=_span(action),
        recheck=action.recheck,
        scheduled=format_time(action.scheduled) if action.scheduled is not None else "",
        trigger=action.trigger or "",
    )


def job_manifest(
    export: Export, action: CreateRun, exporter: Exporter, claim: Claim
) -> dict[str, Any]:
    """The Job of a run.

    Raises:
        ValueError: the export's spec could not be understood.
    """
    spec = export.spec
    if spec is None:
        raise ValueError(export.problem)
    windows = len(cut(action.span, action.step)) if action.span else 1
    parallelism = 1 if claim.one_pod else min(spec.parallelism, windows)
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        "app.kubernetes.io/name": "synclog-export",
        "app.kubernetes.io/component": EXPORTER,
        names.LABEL_EXPORT_UID: export.uid,
        names.LABEL_PURPOSE: action.purpose.value,
    }
    identity = msgspec.json.encode(identity_of(export, action)).decode()
    told = _run_spec(export, spec, action)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(export.name, export.uid, action),
            "namespace": export.namespace,
            "labels": labels,
            "annotations": {names.ANNOTATION_RUN: identity},
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.KIND,
                    "name": export.name,
                    "uid": export.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": windows,
            "parallelism": parallelism,
            "backoffLimitPerIndex": spec.backoff_limit,
            "activeDeadlineSeconds": _job_deadline(spec, windows, parallelism),
            "podFailurePolicy": _failure_policy(),
            "template": overlay(_pod(spec, told, exporter, claim, labels), spec),
        },
    }


def _span(action: CreateRun) -> SpanText | None:
    if action.span is None:
        return None
    start, end = format_time(action.span.start), format_time(action.span.end)
    return SpanText(start=start, end=end, step_ms=action.step)


def _seconds(duration: str) -> int:
    return _bounded(parse_duration(duration))


def _bounded(span: Span) -> int:
    return max(1, min(math.ceil(span / SECOND), _LONGEST))


def _job_deadline(spec: SyncLogExportSpec, windows: int, parallelism: int) -> int:
    """Seconds in which every try of every window fits, with the pauses between tries.

    The pod's own deadline ends one try; this one only ends a Job that Kubernetes forgot.
    """
    pauses = sum(min(10 << retry, 600) for retry in range(spec.backoff_limit))
    tries = (spec.backoff_limit + 1) * (_seconds(spec.run_timeout) + _seconds(spec.pending_timeout))
    return min(math.ceil(windows / parallelism) * (tries + pauses) + 300, _LONGEST)


def _failure_policy() -> dict[str, Any]:
    """First match wins; what no rule names counts towards backoffLimitPerIndex."""

    def on_exit(action: str, codes: tuple[run.ExitCode, ...]) -> dict[str, Any]:
        values = sorted(int(code) for code in codes)
        return {
            "action": action,
            "onExitCodes": {"containerName": EXPORTER, "operator": "In", "values": values},
        }

    return {
        "rules": [
            # A drained node is not the window's fault.
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            },
            on_exit("FailJob", NOT_RETRIED_JOB),
            on_exit("FailIndex", NOT_RETRIED_INDEX),
        ]
    }


def _pod(
    spec: SyncLogExportSpec,
    told: RunSpec,
    exporter: Exporter,
    claim: Claim,
    labels: dict[str, str],
) -> dict[str, Any]:
    volumes, mounts, env = _storage(spec, exporter)
    labels = labels | {_LABEL_CLAIM: _claim_label(spec)}
    env |= {
        run.ENV_RUN_SPEC: msgspec.json.encode(told).decode(),
        run.ENV_TERMINATION_LOG: _TERMINATION_LOG,
        run.ENV_LOG_FORMAT: exporter.log_format,
        "TMPDIR": _SPOOL,
    }
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": _seconds(spec.run_timeout),
        "terminationGracePeriodSeconds": 30,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": EXPORTER,
                "image": exporter.image,
                "imagePullPolicy": exporter.pull_policy,
                "command": ["synclog-export", "run"],
                # Kubernetes reads $(NAME) in values; two dollar signs are one that stays.
                "env": [
                    {"name": name, "value": value.replace("$", "$$")} for name, value in env.items()
                ],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"memory": "512Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "terminationMessagePath": _TERMINATION_LOG,
                "terminationMessagePolicy": "File",
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
    if claim.one_node:
        pod["affinity"] = _same_node(labels[_LABEL_CLAIM])
    return {"metadata": {"labels": labels}, "spec": pod}


def _run_spec(export: Export, spec: SyncLogExportSpec, action: CreateRun) -> RunSpec:
    kind = spec.range.rolling or spec.range.between
    return RunSpec(
        purpose=action.purpose,
        owner=Owner(namespace=export.namespace, name=export.name, uid=export.uid),
        source=spec.source,
        destination=spec.destination,
        output=spec.output,
        coverage_start=format_time(action.coverage_start),
        settle_delay=kind.settle_delay if kind else "15m",
        span=_span(action),
        ledger=action.ledger,
        recheck=action.recheck,
        rounds=kind.recheck_after if kind else [],
        adopt=spec.adopt_ledger,
    )


def _storage(
    spec: SyncLogExportSpec, exporter: Exporter
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]:
    """Volumes, their mounts, and the variables that name them."""
    claim = spec.destination.persistent_volume_claim
    if claim is None:
        raise ValueError("spec.destination: set persistentVolumeClaim")
    secret, keys = _secret(spec.source.auth)
    volumes: list[dict[str, Any]] = [
        {"name": "destination", "persistentVolumeClaim": {"claimName": claim.claim_name}},
        {"name": "spool", "emptyDir": {"sizeLimit": exporter.spool_size}},
        {
            "name": "auth",
            "secret": {
                "secretName": secret,
                "defaultMode": 0o440,
                "items": [{"key": key, "path": key} for key in keys],
            },
        },
    ]
    destination: dict[str, Any] = {"name": "destination", "mountPath": _DESTINATION}
    if claim.sub_path:
        destination["subPath"] = claim.sub_path
    mounts: list[dict[str, Any]] = [
        destination,
        {"name": "spool", "mountPath": _SPOOL},
        {"name": "auth", "mountPath": _AUTH, "readOnly": True},
    ]
    env = {
        run.ENV_DESTINATION_DIR: _DESTINATION,
        run.ENV_SPOOL_DIR: _SPOOL,
        run.ENV_AUTH_DIR: _AUTH,
    }
    bundle = spec.source.ca_bundle
    if bundle is not None:
        items = [{"key": bundle.key, "path": "ca.crt"}]
        source = {"name": bundle.config_map_name, "items": items}
        volumes.append({"name": "ca", "configMap": source})
        mounts.append({"name": "ca", "mountPath": _CA, "readOnly": True})
        env[run.ENV_CA_FILE] = f"{_CA}/ca.crt"
    return volumes, mounts, env


def _secret(auth: Auth) -> tuple[str, list[str]]:
    """The Secret that the source's credentials are in, and the keys that are needed of it."""
    match auth:
        case Auth(api_client=way) if way is not None:
            return way.secret_name, _unique(way.client_id_key, way.client_secret_key)
        case Auth(user_password=user) if user is not None:
            return user.secret_name, _unique(
                user.username_key, user.password_key, user.totp_seed_key
            )
        case Auth(bearer_token=token) if token is not None:
            return token.secret_name, [token.token_key]
    raise ValueError("spec.source.auth: set exactly one of apiClient, userPassword, bearerToken")


def _unique(*keys: str | None) -> list[str]:
    return list(dict.fromkeys(key for key in keys if key is not None))


def _claim_label(spec: SyncLogExportSpec) -> str:
    """A label value for the claim, whose own name may be too long for one."""
    claim = spec.destination.persistent_volume_claim
    name = claim.claim_name if claim else ""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _same_node(claim_label: str) -> dict[str, Any]:
    """Every pod that uses the claim goes where the others are: it can be mounted on one node."""
    term = {
        "labelSelector": {"matchLabels": {_LABEL_CLAIM: claim_label}},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
