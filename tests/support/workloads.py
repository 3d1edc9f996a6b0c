"""Jobs and pods for tests: their manifests, and waiting for what becomes of them."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

from devcluster.client import (
    EVENTS,
    JOBS,
    PODS,
    SERVICE_ACCOUNTS,
    STRATEGIC_PATCH,
    ConflictError,
    NotFoundError,
)
from devcluster.recorder import timestamp

PATIENCE = 45
"""Seconds until a test that waits fails: far more than any step takes."""


def container(script, *, name="main", image="busybox", **fields):
    """A container that runs a shell script."""
    return {"name": name, "image": image, "command": ["sh", "-c", script], **fields}


def template(script, **spec):
    """A pod's spec with one container."""
    first = container(script, **spec.pop("container", {}))
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 5,
        "containers": [first],
        **spec,
    }


def job(name, script, *, pod=None, **spec):
    """An Indexed Job, unless ``completionMode`` says otherwise."""
    indexed = (
        {"completionMode": "Indexed", "completions": 1} if "completionMode" not in spec else {}
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            **({} if "completionMode" in spec else indexed),
            **spec,
            "template": {"spec": template(script, **(pod or {}))},
        },
    }


def pod(name, script, **spec):
    """A pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": template(script, **spec),
    }


def conditions(item):
    """By type: (status, reason) of an object's conditions."""
    return {
        condition["type"]: (condition["status"], condition.get("reason", ""))
        for condition in item.get("status", {}).get("conditions") or ()
    }


def state(item, container=0, *, kind="containerStatuses"):
    """The state of a container as (word, details)."""
    statuses = item.get("status", {}).get(kind) or ()
    if len(statuses) <= container:
        return ("", {})
    return next(iter(statuses[container]["state"].items()), ("", {}))


class Kube:
    """One namespace of a cluster."""

    def __init__(self, client, namespace):
        self.client = client
        self.namespace = namespace

    async def account(self):
        """Make sure of the namespace's ServiceAccount: pods need it."""
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        with contextlib.suppress(ConflictError):
            await self.client.create(SERVICE_ACCOUNTS, self.namespace, body)

    async def create(self, resource, body):
        return await self.client.create(resource, self.namespace, body)

    async def patch(self, resource, name, body, **options):
        return await self.client.patch(resource, self.namespace, name, body, **options)

    async def delete(self, resource, name, **options):
        return await self.client.delete(resource, self.namespace, name, **options)

    async def get(self, resource, name):
        """An object, or None."""
        try:
            return await self.client.get(resource, self.namespace, name)
        except NotFoundError:
            return None

    async def list(self, resource):
        items, _ = await self.client.list(resource, self.namespace)
        return items

    async def pods(self, index=None):
        """The pods in order of creation; with ``index`` those of one completion index."""
        key = "batch.kubernetes.io/job-completion-index"
        return sorted(
            (
                item
                for item in await self.list(PODS)
                if index is None
                or (item["metadata"].get("annotations") or {}).get(key) == str(index)
            ),
            key=lambda item: int(item["metadata"]["resourceVersion"]),
        )

    async def until(self, resource, name, holds):
        """The object as soon as ``holds`` is true of it; None counts as an object that is gone."""
        deadline = time.monotonic() + PATIENCE
        while True:
            item = await self.get(resource, name)
            if holds(item):
                return item
            assert time.monotonic() < deadline, f"it never came to that: {item}"
            await asyncio.sleep(0.05)

    async def until_event(self, name, reason):
        """The first event on an object with a reason."""
        deadline = time.monotonic() + PATIENCE
        while True:
            events = [
                event
                for event in await self.list(EVENTS)
                if event["involvedObject"]["name"] == name
            ]
            for event in events:
                if event["reason"] == reason:
                    return event
            assert time.monotonic() < deadline, [event["reason"] for event in events]
            await asyncio.sleep(0.05)

    async def until_pods(self, holds):
        """The pods as soon as ``holds`` is true of their list."""
        deadline = time.monotonic() + PATIENCE
        while True:
            items = await self.pods()
            if holds(items):
                return items
            assert time.monotonic() < deadline, f"it never came to that: {items}"
            await asyncio.sleep(0.05)

    async def run(self, body):
        """Create a pod; return it when it has ended."""
        name = body["metadata"]["name"]
        await self.create(PODS, body)
        return await self.until(PODS, name, ended)

    async def run_job(self, body):
        """Create a Job; return it when it has ended."""
        name = body["metadata"]["name"]
        await self.create(JOBS, body)
        return await self.until(JOBS, name, finished)

    async def running(self, name):
        """A pod, as soon as its container runs."""
        return await self.until(PODS, name, lambda item: state(item)[0] == "running")

    async def log(self, name, **options):
        """The log of a pod, as bytes, through the API server."""
        await self.until(PODS, name, lambda item: state(item)[0] in {"running", "terminated"})
        return await self.client.read(PODS.path(self.namespace, name, "log"), params=options)

    async def until_log(self, name, text):
        """The log of a pod as soon as it contains a text."""
        deadline = time.monotonic() + PATIENCE
        while text not in (log := await self.log(name)):
            assert time.monotonic() < deadline, log
            await asyncio.sleep(0.05)
        return log

    async def set_condition(self, name, kind):
        """Put a condition on a pod, as the eviction API does."""
        condition = {
            "type": kind,
            "status": "True",
            "reason": "Test",
            "message": "by a test",
            # Without it Kubernetes takes the condition for an old one and withdraws it.
            "lastTransitionTime": timestamp(datetime.now(UTC)),
        }
        body = {"status": {"conditions": [condition]}}
        await self.patch(PODS, name, body, sub="status", content_type=STRATEGIC_PATCH)

    async def drained(self):
        """Delete what is left, and wait until no pod of the namespace is there."""
        for resource in (JOBS, PODS):
            for item in await self.list(resource):
                with contextlib.suppress(NotFoundError):
                    name = item["metadata"]["name"]
                    await self.delete(
                        resource, name, propagationPolicy="Background", gracePeriodSeconds=1
                    )
        await self.until_pods(lambda items: not items)


def ended(item):
    """Whether a pod is in its last phase."""
    return item is not None and item["status"].get("phase") in {"Succeeded", "Failed"}


def finished(item):
    """Whether a Job has its final condition."""
    known = conditions(item)
    return (
        known.get("Complete", ("", ""))[0] == "True" or known.get("Failed", ("", ""))[0] == "True"
    )
