"""Kopf's part: it watches, we remember and enqueue. Nothing is decided here."""

import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import kopf

from synclog.api import names
from synclog.controller.cache import Cache, Kept, Store
from synclog.controller.objects import Document, export_of, job_of, pod_of
from synclog.controller.resync import export_key

T = TypeVar("T", bound=Kept)


class _NoDiffs(kopf.DiffBaseStorage):
    """Spares Kopf a deep copy of every object: handlers of events are given no differences."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        pass


class _ForEver:
    """Pauses between tries of a watch, without an end: an API server that is away comes back."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 2.0, 5.0), itertools.repeat(10.0))


def registry_of(
    cache: Cache, enqueue: Callable[[str], None], login: Callable[[], kopf.ConnectionInfo]
) -> kopf.OperatorRegistry:
    """The handlers that keep the cache up to date and ask for what changed.

    Args:
        cache: what was seen.
        enqueue: takes the uid of an export that is to be looked at.
        login: makes fresh credentials for Kopf.
    """
    registry = kopf.OperatorRegistry()

    def take(store: Store[T], convert: Callable[[Document], T], event: Any) -> None:
        thing = convert(event["object"])
        if event["type"] == "DELETED":
            news = store.discard(thing.uid) is not None
        else:
            news = store.put(thing)
        if news:
            enqueue(export_key(cache, thing))

    # Selectors in three arguments: a single string is mis-parsed.
    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def on_export(event: Any, **_: Any) -> None:
        take(cache.exports, export_of, event)

    @kopf.on.event("batch", "v1", "jobs", registry=registry)
    async def on_job(event: Any, **_: Any) -> None:
        take(cache.jobs, job_of, event)

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def on_pod(event: Any, **_: Any) -> None:
        take(cache.pods, pod_of, event)

    @kopf.on.login(registry=registry)
    async def on_login(**_: Any) -> kopf.ConnectionInfo:
        return login()

    return registry


def kopf_settings() -> kopf.OperatorSettings:
    """Kopf's settings, each for the reason beside it."""
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = None  # the process has its own end
    settings.posting.enabled = False  # events are written by our recorder
    settings.posting.level = logging.WARNING
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.scanning.disabled = True  # neither namespaces nor CRDs are watched
    settings.watching.server_timeout = 300  # a watch that nobody ends can freeze unnoticed
    settings.watching.inactivity_timeout = 70  # a dead link says nothing; bookmarks come each 60 s
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = 500  # the memory of the first list
    # Kopf keeps a task for each object that was heard of lately: of thousands, too many.
    settings.queueing.idle_timeout = 0.1
    settings.queueing.worker_limit = 200
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = _ForEver()
    # Selected by the API server: filters of handlers would fetch everything first.
    settings.watching.label_selectors["batch", "v1", "jobs"] = names.JOB_SELECTOR
    settings.watching.label_selectors["", "v1", "pods"] = names.JOB_SELECTOR
    return settings
