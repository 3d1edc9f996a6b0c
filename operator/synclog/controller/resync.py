"""Comparing what was seen with what is there, now and then: watches can miss deletions."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from synclog.api import names
from synclog.controller.cache import Cache, Kept, Store
from synclog.controller.gateway import EXPORTS, JOBS, PODS, Document, Gateway, Resource
from synclog.controller.objects import Job, Pod, export_of, job_of, pod_of

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Kept)


def export_key(cache: Cache, thing: Kept) -> str:
    """The uid of the export that an object belongs to: the key of the work queue."""
    if isinstance(thing, Pod):
        job = cache.jobs.get(thing.parent)
        return job.parent if job else thing.export_uid
    return thing.parent if isinstance(thing, Job) else thing.uid


async def resync(
    gateway: Gateway,
    cache: Cache,
    namespaces: Iterable[str | None],
    enqueue: Callable[[str], None],
) -> int:
    """List everything, keep what is new, forget what is gone, and ask for what that touches.

    Args:
        gateway: the way to the API server.
        cache: the stores to compare.
        namespaces: where to look; None means everywhere.
        enqueue: is given the key of each export that something was news for.

    Returns:
        How many objects were news. In a healthy cluster the watches were first: zero.
    """
    places = list(namespaces)
    # Pods first, resources last: an export that is looked at finds its Jobs and results there.
    pods = await _fill(gateway, cache.pods, PODS, pod_of, names.JOB_SELECTOR, places)
    jobs = await _fill(gateway, cache.jobs, JOBS, job_of, names.JOB_SELECTOR, places)
    exports = await _fill(gateway, cache.exports, EXPORTS, export_of, "", places)
    touched: list[Kept] = [*pods, *jobs, *exports]
    for key in {export_key(cache, thing) for thing in touched}:
        enqueue(key)
    return len(touched)


async def _fill(  # noqa: PLR0917 - three callers, one above the other
    gateway: Gateway,
    store: Store[T],
    resource: Resource,
    convert: Callable[[Document], T],
    labels: str,
    places: list[str | None],
) -> list[T]:
    sweep = store.sweep()
    touched: list[T] = []
    try:
        for place in places:
            async for page in gateway.pages(resource, place, labels=labels):
                touched += [thing for thing in map(convert, page) if sweep.saw(thing)]
    except BaseException:
        sweep.abort()
        raise
    return touched + sweep.finish()
