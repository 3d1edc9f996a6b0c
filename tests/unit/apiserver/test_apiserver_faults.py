"""What the embedded server does wrong on request."""

import time

import httpx
import pytest

from support.kube import CORE, config_map, ok, refused

MAPS = f"{CORE}/default/configmaps"


def fault(api, **body):
    return ok(api.post("/_faults", body))


def test_a_throttle_strikes_as_often_as_told(api):
    fault(api, kind="throttle", verbs=["list"], resources=["configmaps"], count=2, seconds=3)
    for _ in range(2):
        answer = api.get(MAPS)
        refused(answer, 429, "TooManyRequests")
        assert answer.headers["Retry-After"] == "3"
    assert api.get(MAPS).is_success
    assert api.read("/_faults")["faults"][0]["struck"] == 2


def test_an_error_strikes_before_anything_happens(api):
    fault(api, kind="error", verbs=["create"], code=503, count=1)
    assert api.post(MAPS, config_map("never")).status_code == 503
    refused(api.get(f"{MAPS}/never"), 404, "NotFound")


def test_a_fault_strikes_only_what_it_names(api):
    fault(api, kind="error", resources=["pods/status"], users=["!admin"])
    assert api.get(f"{CORE}/default/pods").is_success
    fault(api, kind="error", resources=["pods"], users=["somebody"])
    assert api.get(f"{CORE}/default/pods").is_success
    fault(api, kind="error", resources=["pods"], users=["admin"])
    assert api.get(f"{CORE}/default/pods").status_code == 500
    assert api.get(MAPS).is_success


def test_a_probability_strikes_now_and_then(api):
    fault(api, kind="error", verbs=["get"], probability=0.5)
    codes = {api.get(f"{MAPS}/kube-root-ca.crt").status_code for _ in range(60)}
    assert codes == {200, 500}


def test_an_answer_is_lost_after_the_commit(api):
    fault(api, kind="answerLost", verbs=["create"], count=1)
    with pytest.raises(httpx.TransportError):
        api.post(MAPS, config_map("kept"))
    assert api.read(f"{MAPS}/kept")["data"] == {"key": "value"}


def test_a_stale_list_shows_the_moment_of_the_switch(api):
    before = api.names(MAPS)
    fault(api, kind="staleList", resources=["configmaps"], count=1)
    api.made(MAPS, config_map("unseen"))
    assert api.names(MAPS) == before
    assert "unseen" in api.names(MAPS)


def test_running_watches_are_dropped(api):
    version = api.read(MAPS)["metadata"]["resourceVersion"]
    with api.watching(MAPS, 60, resourceVersion=version) as events:
        fault(api, kind="dropWatches")
        assert list(events) == []


def test_running_watches_end_with_410_and_cannot_resume(api):
    version = api.read(MAPS)["metadata"]["resourceVersion"]
    api.made(MAPS, config_map("later"))
    with api.watching(MAPS, 60, resourceVersion=version) as events:
        assert next(events)["type"] == "ADDED"
        fault(api, kind="expireWatches")
        (last,) = events
    assert (last["type"], last["object"]["code"]) == ("ERROR", 410)
    (event,) = api.events(MAPS, resourceVersion=version)
    assert event["object"]["reason"] == "Expired"


def test_forgotten_history_cannot_be_listed_or_paged(api):
    for name in ("page-a", "page-b"):
        api.made(MAPS, config_map(name))
    listed = api.read(MAPS, limit="1")
    api.made(MAPS, config_map("page-c"))
    fault(api, kind="forget")
    refused(api.get(MAPS, **{"continue": listed["metadata"]["continue"]}), 410, "Expired")
    exact = {"resourceVersion": "1", "resourceVersionMatch": "Exact"}
    refused(api.get(MAPS, **exact), 410, "Expired")


def test_latency_delays(api):
    fault(api, kind="latency", verbs=["get"], seconds=0.3, count=1)
    begin = time.monotonic()
    assert api.get(f"{MAPS}/kube-root-ca.crt").is_success
    assert time.monotonic() - begin >= 0.3


def test_only_the_administrator_sets_switches(api):
    accounts = f"{CORE}/default/serviceaccounts"
    token = ok(api.post(f"{accounts}/default/token", {"spec": {}}), 201)["status"]["token"]
    refused(api.as_user(token).post("/_faults", {"kind": "error"}), 403, "Forbidden")


def test_an_unknown_switch_is_refused(api):
    assert "no fault" in refused(api.post("/_faults", {"kind": "gremlins"}), 400, "BadRequest")
