"""Watches: resumption, selectors, bookmarks, the initial state, and its ends."""

import itertools
import threading

import pytest

from support.kube import CORE, EXPORTS, TABLE, config_map, export, ok


@pytest.fixture
def maps(namespace):
    return f"{CORE}/{namespace}/configmaps"


def seen(events):
    """What a watch said, as pairs of type and name, without what every namespace has."""
    pairs = [(event["type"], event["object"]["metadata"].get("name")) for event in events]
    return [(kind, name) for kind, name in pairs if not str(name).endswith("ca.crt")]


def version(api, path):
    return api.read(path)["metadata"]["resourceVersion"]


def test_a_watch_goes_on_from_a_version(api, maps):
    api.made(maps, config_map("before"))
    start = version(api, maps)
    api.made(maps, config_map("a"))
    ok(api.patch(f"{maps}/a", {"data": {"x": "1"}}))
    ok(api.patch(f"{maps}/a", {"data": {"x": "1"}}))
    ok(api.delete(f"{maps}/a"))
    events = api.events(maps, resourceVersion=start)
    assert seen(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)
    assert versions[0] > int(start)
    resumed = api.events(maps, resourceVersion=str(versions[1]))
    assert seen(resumed) == [("DELETED", "a")]
    assert resumed[0]["object"]["data"] == {"key": "value", "x": "1"}


def test_a_watch_without_a_version_begins_with_what_is_there(api, maps):
    api.made(maps, config_map("a"))
    assert seen(api.events(maps)) == [("ADDED", "a")]


def test_changes_come_while_the_watch_runs(api, maps):
    start = version(api, maps)
    with api.watching(maps, resourceVersion=start) as events:
        threading.Timer(0.2, lambda: api.made(maps, config_map("late"))).start()
        assert next(events)["object"]["metadata"]["name"] == "late"


def test_a_selector_turns_changes_into_comings_and_goings(api, maps):
    start = version(api, maps)
    api.made(maps, config_map("a", labels={"x": "1"}))
    ok(api.patch(f"{maps}/a", {"metadata": {"labels": {"x": "2"}}}))
    ok(api.patch(f"{maps}/a", {"metadata": {"labels": {"x": "1"}}}))
    events = api.events(maps, resourceVersion=start, labelSelector="x=1")
    assert seen(events) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    gone = events[1]["object"]["metadata"]
    assert gone["labels"] == {"x": "1"}
    assert int(gone["resourceVersion"]) > int(events[0]["object"]["metadata"]["resourceVersion"])


def test_one_object_is_watched_by_field(api, maps):
    start = version(api, maps)
    api.made(maps, config_map("a"))
    api.made(maps, config_map("b"))
    events = api.events(maps, resourceVersion=start, fieldSelector="metadata.name=b")
    assert seen(events) == [("ADDED", "b")]


def test_bookmarks_tell_how_far_a_quiet_watch_is(api, maps):
    start = version(api, maps)
    api.made(maps, config_map("a"))
    events = api.events(
        maps, 4, resourceVersion=start, labelSelector="never=so", allowWatchBookmarks="true"
    )
    assert events
    assert {event["type"] for event in events} == {"BOOKMARK"}
    last = events[-1]["object"]
    assert (last["kind"], last["apiVersion"]) == ("ConfigMap", "v1")
    assert int(last["metadata"]["resourceVersion"]) > int(start)
    assert not api.events(maps, 3, resourceVersion=start, labelSelector="never=so")


def test_the_initial_state_ends_with_a_bookmark(api, maps):
    api.made(maps, config_map("a"))
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    with api.watching(maps, **query) as events:
        first = list(itertools.takewhile(lambda event: event["type"] != "BOOKMARK", events))
    assert seen(first) == [("ADDED", "a")]
    with api.watching(maps, **query) as events:
        bookmark = next(event for event in events if event["type"] == "BOOKMARK")
    annotations = bookmark["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


def test_history_that_is_forgotten_ends_the_watch(api, crd, namespace):
    exports = f"{EXPORTS}/{namespace}/synclogexports"
    api.made(exports, export())
    (event,) = api.events(exports, resourceVersion="1")
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


def test_a_watch_ends_in_time(api, maps):
    with api.watching(maps, 1, resourceVersion=version(api, maps)) as events:
        assert list(events) == []


def test_a_watch_of_tables_sends_the_headers_once(api, maps):
    for name in ("a", "b"):
        api.made(maps, config_map(name))
    api.http.headers["Accept"] = TABLE
    try:
        tables = [event["object"] for event in api.events(maps)]
    finally:
        del api.http.headers["Accept"]
    assert [table["kind"] for table in tables] == ["Table"] * len(tables)
    headed = [bool(table["columnDefinitions"]) for table in tables]
    assert headed == [True] + [False] * (len(tables) - 1)
