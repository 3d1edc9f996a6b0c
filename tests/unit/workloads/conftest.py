"""Jobs and pods as documents, with a clock that stands still."""

from datetime import UTC, datetime, timedelta

import pytest

from devcluster.jobcontroller.model import (
    FAILURE_COUNT,
    FINALIZER,
    IGNORED_COUNT,
    INDEX,
    read_job,
    read_pod,
)
from devcluster.recorder import timestamp

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def ago(seconds):
    return timestamp(NOW - timedelta(seconds=seconds))


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def make_job():
    def make(*, status=None, restart="Never", deleted=False, **spec):
        meta = {"name": "job", "namespace": "ns", "uid": "job-uid"}
        if deleted:
            meta["deletionTimestamp"] = ago(1)
        if spec.get("completions") is not None:
            spec.setdefault("completionMode", "Indexed")
        template = {"spec": {"restartPolicy": restart, "containers": [{"name": "main"}]}}
        return read_job(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": meta,
                "spec": {"template": template, **spec},
                "status": status or {},
            }
        )

    return make


@pytest.fixture
def make_pod():
    def make(
        name,
        phase="Running",
        *,
        index=None,
        code=None,
        finished=0,
        deleted=False,
        tracked=True,
        ready=None,
        failures=None,
        ignored=None,
        conditions=(),
        restarts=0,
        node="devnode",
    ):
        code = {"Succeeded": 0, "Failed": 1}.get(phase) if code is None else code
        notes = {INDEX: index, FAILURE_COUNT: failures, IGNORED_COUNT: ignored}
        meta = {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{name}",
            "creationTimestamp": ago(3600),
            "annotations": {key: str(value) for key, value in notes.items() if value is not None},
            "finalizers": [FINALIZER] if tracked else [],
        }
        if deleted:
            meta |= {"deletionTimestamp": ago(0), "deletionGracePeriodSeconds": 30}
        state = {"running": {}}
        if code is not None:
            state = {"terminated": {"exitCode": code, "finishedAt": ago(finished)}}
        is_ready = phase == "Running" if ready is None else ready
        known = [{"type": "Ready", "status": str(is_ready)}]
        known += [{"type": kind, "status": "True"} for kind in conditions]
        containers = [{"name": "main", "state": state, "restartCount": restarts}]
        return read_pod(
            {
                "metadata": meta,
                "spec": {"nodeName": node} if node else {},
                "status": {"phase": phase, "conditions": known, "containerStatuses": containers},
            }
        )

    return make
