"""Many objects at once: created, counted as they come, deleted, and awaited until gone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from devcluster.client import (
    CLAIMS,
    EVENTS,
    JOBS,
    NAMESPACES,
    PODS,
    Client,
    ConflictError,
    NotFoundError,
    Object,
    Resource,
    UnavailableError,
)
from devcluster.install import EXPORTS

from .objects import CRON_JOBS

_AT_ONCE = 24
_LONGEST_WATCH = 1800


async def each(work: Iterable[Awaitable[object]]) -> None:
    """Do all of it, some at a time."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(task: Awaitable[object]) -> None:
        async with turns:
            await task

    await asyncio.gather(*map(one, work))


async def make_namespace(client: Client, name: str) -> None:
    """Create a namespace and wait for its default service account: pods need one."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await client.create(NAMESPACES, "", body)
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(NotFoundError):
                await client.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
                return
            await asyncio.sleep(0.2)


async def clear(client: Client, namespace: str) -> None:
    """Delete everything in a namespace, then itself, and wait until it is gone.

    The Job controller releases pods at its client limit of some a second: the finalizer that it
    keeps on them is taken off here, so that one turn's remains do not burden the next.
    """
    async with asyncio.timeout(600):
        for resource in (CRON_JOBS, EXPORTS, JOBS):
            await _delete_all(client, resource, namespace)
        await _delete_all(client, PODS, namespace)
        await _delete_all(client, EVENTS, namespace)
        await _delete_all(client, CLAIMS, namespace)
        with contextlib.suppress(NotFoundError, ConflictError):
            await client.delete(NAMESPACES, "", namespace)
        while True:
            try:
                await client.get(NAMESPACES, "", namespace)
            except NotFoundError:
                return
            await asyncio.sleep(0.5)


async def _delete_all(client: Client, resource: Resource, namespace: str) -> None:
    body = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
    while True:
        items, _ = await client.list(resource, namespace)
        if not items:
            return
        await each(
            _release(client, resource, item) for item in items if item["metadata"].get("finalizers")
        )
        # Thousands take longer than the client waits for an answer: then once more.
        with contextlib.suppress(UnavailableError):
            await client.request("DELETE", resource.path(namespace), body=body)


async def _release(client: Client, resource: Resource, item: Object) -> None:
    metadata = item["metadata"]
    with contextlib.suppress(NotFoundError, ConflictError):
        await client.patch(
            resource, metadata["namespace"], metadata["name"], {"metadata": {"finalizers": None}}
        )


@dataclass
class Sightings:
    """When each object was first seen in a state, on the wall clock."""

    times: dict[str, float] = field(default_factory=dict)

    async def reach(self, count: int, *, patience: float) -> None:
        """Wait until so many were seen.

        Raises:
            TimeoutError: they were not, in time.
        """
        deadline = time.monotonic() + patience
        while len(self.times) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {patience:.0f} s {len(self.times)} of {count} are there")
            await asyncio.sleep(0.1)

    def after(self, moment: float) -> list[float]:
        """Seconds from a moment to each sighting, in order."""
        return sorted(at - moment for at in self.times.values())


@contextlib.asynccontextmanager
async def watched(
    client: Client, resource: Resource, namespace: str, counts: Callable[[Object], bool]
) -> AsyncIterator[Sightings]:
    """Note when objects of a namespace are first seen for which ``counts`` holds."""
    seen = Sightings()
    _, version = await client.list(resource, namespace)

    async def look() -> None:
        selector = {"fieldSelector": f"metadata.namespace={namespace}"}
        async for kind, body in client.watch(resource, version, seconds=_LONGEST_WATCH, **selector):
            if kind in {"ADDED", "MODIFIED"} and counts(body):
                seen.times.setdefault(body["metadata"]["uid"], time.time())

    watching = asyncio.create_task(look())
    try:
        yield seen
        if watching.done():
            watching.result()
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
