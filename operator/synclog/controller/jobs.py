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
from synclog.api.destination import PersistentVolumeClaim
from synclog.api.run import (
    NOT_RETRIED_INDEX,
    NOT_RETRIED_JOB,
    Owner,
    RunIdentity,
    RunSpec,
    SpanText,
)
from synclog.api.spec import SyncLogExportSpec
from synclog.controller.mounts import SPOOL, mounts_of
from synclog.controller.objects import EXPORTER, Export
from synclog.controller.pods import overlay
from synclog.planning.model import CreateRun
from synclog.windows import SECOND, Span, cut, format_time, parse_duration

_INDEX_SUFFIX = len("-99999")
"""Pods of an Indexed Job are named after Job and index, and that is a host name: 63 at most."""
_NAME_LIMIT = 63 - _INDEX_SUFFIX
_LONGEST = 2**31 - 1
_LABEL_CLAIM = f"{names.GROUP}/claim"

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
    mounted = mounts_of(spec, spool_size=exporter.spool_size)
    volume = spec.destination.persistent_volume_claim
    if volume is not None:
        labels = labels | {_LABEL_CLAIM: _claim_label(volume)}
    env = mounted.env | {
        run.ENV_RUN_SPEC: msgspec.json.encode(told).decode(),
        run.ENV_TERMINATION_LOG: _TERMINATION_LOG,
        run.ENV_LOG_FORMAT: exporter.log_format,
        "TMPDIR": SPOOL,
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
                "volumeMounts": mounted.mounts,
            }
        ],
        "volumes": mounted.volumes,
    }
    if volume is not None and claim.one_node:
        pod["affinity"] = _same_node(labels[_LABEL_CLAIM])
    return {"metadata": {"labels": labels}, "spec": pod}


def _run_spec(export: Export, spec: SyncLogExportSpec, action: CreateRun) -> RunSpec:
    kind = spec.range.kind
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
        rounds=list(action.rounds),
        adopt=spec.adopt_ledger,
    )


def _claim_label(volume: PersistentVolumeClaim) -> str:
    """A label value for the claim, whose own name may be too long for one."""
    return hashlib.sha256(volume.claim_name.encode()).hexdigest()[:16]


def _same_node(claim_label: str) -> dict[str, Any]:
    """Every pod that uses the claim goes where the others are: it can be mounted on one node."""
    term = {
        "labelSelector": {"matchLabels": {_LABEL_CLAIM: claim_label}},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
