"""Kopf's part: what is asked of the API server, what handlers do with events."""

import kopf
import pytest
from kopf._cogs.structs.references import Resource  # the type that selectors are checked against

from synclog.api import names
from synclog.controller.cache import Cache
from synclog.controller.handlers import kopf_settings, registry_of

JOBS = Resource(group="batch", version="v1", plural="jobs", namespaced=True)
PODS = Resource(group="", version="v1", plural="pods", namespaced=True)
EXPORTS = Resource(group=names.GROUP, version=names.VERSION, plural=names.PLURAL, namespaced=True)


@pytest.mark.parametrize(
    ("resource", "selectors"),
    [(JOBS, [names.JOB_SELECTOR]), (PODS, [names.JOB_SELECTOR]), (EXPORTS, [])],
)
def test_only_our_jobs_and_pods_are_asked_for(resource, selectors):
    """Otherwise every pod of the cluster is sent to us and thrown away."""
    assert kopf_settings().watching.label_selectors.collect(resource) == selectors


def test_a_server_that_is_away_is_waited_for_without_an_end():
    pauses = iter(kopf_settings().networking.error_backoffs)
    assert [next(pauses) for _ in range(1000)][-1] == 10.0


def test_timeouts_are_set_and_nothing_is_posted_or_scanned():
    settings = kopf_settings()
    assert settings.watching.server_timeout
    assert settings.watching.inactivity_timeout
    assert settings.watching.connect_timeout
    assert settings.networking.request_timeout
    assert settings.watching.chunk_size
    assert settings.scanning.disabled
    assert not settings.posting.enabled


@pytest.fixture
def watched():
    cache, asked = Cache(), []
    registry = registry_of(cache, asked.append, lambda: kopf.ConnectionInfo(server="x"))
    handlers = {
        handler.selector.plural or handler.selector.any_name: handler.fn
        for handler in registry._watching.get_all_handlers()
    }
    return cache, asked, handlers


def test_exactly_the_three_kinds_are_watched_and_nothing_is_patched():
    registry = registry_of(Cache(), print, lambda: kopf.ConnectionInfo(server="x"))
    selectors = registry._watching.get_all_selectors()
    for resource in (JOBS, PODS, EXPORTS):
        assert sum(selector.check(resource) for selector in selectors) == 1
    assert len(selectors) == 3
    for other in (registry._changing, registry._spawning, registry._indexing):
        assert not list(other.get_all_handlers()), "these add finalizers and annotations"


async def test_an_event_is_remembered_and_asks_for_its_export_once(watched, make):
    cache, asked, handlers = watched
    body = make.job_body("j")
    job = next(fn for name, fn in handlers.items() if "jobs" in str(name))
    assert await job(event={"type": None, "object": body}) is None
    assert await job(event={"type": "MODIFIED", "object": body}) is None
    assert asked == ["uid-prod"], "the second one was no news"
    assert cache.jobs.get("uid-j") is not None


async def test_a_deletion_is_forgotten_and_asks_for_its_export(watched, make):
    cache, asked, handlers = watched
    export = next(fn for name, fn in handlers.items() if names.PLURAL in str(name))
    body = make.export_body()
    await export(event={"type": "ADDED", "object": body})
    await export(event={"type": "DELETED", "object": body})
    await export(event={"type": "DELETED", "object": body})
    assert asked == ["uid-prod", "uid-prod"]
    assert len(cache.exports) == 0
