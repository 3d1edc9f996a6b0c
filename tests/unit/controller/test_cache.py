"""The stores: newest wins, sweeps forget what is gone and nothing else."""

import dataclasses

import pytest

from synclog.controller.cache import Cache, Store
from synclog.controller.gateway import EXPORTS, JOBS, PODS
from synclog.controller.resync import export_key, resync


@pytest.fixture
def store():
    return Store()


def at(thing, version):
    return dataclasses.replace(thing, version=str(version))


@pytest.mark.parametrize(
    ("known", "new", "kept"), [(5, 6, True), (6, 5, False), (9, 10, True), (5, 5, False)]
)
def test_versions_are_compared_as_numbers(store, make, known, new, kept):
    job = make.job()
    store.put(at(job, known))
    assert store.put(at(job, new)) is kept
    assert store.get(job.uid).version == str(max(known, new))


def test_versions_that_are_no_numbers_win_when_they_differ(store, make):
    job = make.job()
    store.put(at(job, "abc"))
    assert store.put(at(job, "abd"))
    assert not store.put(at(job, "abd"))


def test_children_follow_their_parent(store, make):
    store.put(make.job("a"))
    store.put(make.job("b"))
    store.put(make.job("c", owner="uid-other"))
    assert {job.name for job in store.children("uid-prod")} == {"a", "b"}
    store.discard("uid-a")
    assert [job.name for job in store.children("uid-prod")] == ["b"]
    store.discard("uid-b")
    assert store.children("uid-prod") == []
    assert len(store) == 1


def test_a_sweep_forgets_what_the_list_does_not_have(store, make):
    store.put(make.job("stays"))
    store.put(make.job("gone"))
    sweep = store.sweep()
    sweep.saw(store.get("uid-stays"))
    assert [job.name for job in sweep.finish()] == ["gone"]
    assert store.get("uid-gone") is None


def test_a_sweep_leaves_alone_what_a_watch_brought_meanwhile(store, make):
    store.put(make.job("changed"))
    sweep = store.sweep()
    store.put(make.job("changed"))
    store.put(make.job("new"))
    assert sweep.finish() == []
    assert len(store) == 2


def test_a_page_that_still_shows_what_was_deleted_meanwhile_does_not_bring_it_back(store, make):
    job = make.job()
    store.put(job)
    sweep = store.sweep()
    store.discard(job.uid)
    assert not sweep.saw(job)
    sweep.finish()
    assert store.get(job.uid) is None


def test_a_list_that_breaks_off_forgets_nothing(store, make):
    store.put(make.job())
    sweep = store.sweep()
    sweep.abort()
    assert len(store) == 1
    store.discard("uid-job")
    assert sweep.gone == set(), "an aborted sweep listens no more"


async def test_a_resync_asks_for_every_export_that_it_has_news_of(gateway, make):
    cache, asked = Cache(), []
    gateway.seed(EXPORTS, make.export_body("a"))
    gateway.seed(EXPORTS, make.export_body("b"))
    gateway.seed(JOBS, make.job_body("j", owner="uid-b"))
    gateway.seed(PODS, make.pod_body("p", job="j"))
    assert await resync(gateway, cache, [None], asked.append) == 4
    assert sorted(asked) == ["uid-a", "uid-b"]
    asked.clear()
    assert await resync(gateway, cache, [None], asked.append) == 0
    assert asked == []
    del gateway.objects[JOBS, "team", "j"]
    assert await resync(gateway, cache, [None], asked.append) == 1
    assert asked == ["uid-b"]


async def test_a_resync_that_fails_in_the_middle_forgets_nothing(gateway, make):
    cache = Cache()
    gateway.seed(EXPORTS, make.export_body())
    await resync(gateway, cache, [None], lambda _key: None)
    gateway.objects.clear()
    gateway.fail("list", "synclogexports", RuntimeError("cut"))
    with pytest.raises(RuntimeError):
        await resync(gateway, cache, [None], lambda _key: None)
    assert len(cache.exports) == 1


async def test_only_the_namespaces_that_are_served_are_listed(gateway, make):
    cache = Cache()
    other = make.export_body("other")
    other["metadata"]["namespace"] = "elsewhere"
    gateway.seed(EXPORTS, make.export_body())
    gateway.seed(EXPORTS, other)
    await resync(gateway, cache, ["team"], lambda _key: None)
    assert [export.name for export in cache.exports.all()] == ["prod"]


def test_a_pods_export_is_its_jobs_owner_else_what_its_label_says(make):
    cache = Cache()
    pod = make.pod(job="j")
    assert export_key(cache, pod) == "uid-prod"
    cache.jobs.put(make.job("j", owner="uid-real"))
    assert export_key(cache, pod) == "uid-real"
