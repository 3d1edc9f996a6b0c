"""One look: what is created, written and deleted, in which order, whatever breaks."""

import pytest

from support.looks import CREATE, NAME, NOW, Rig
from synclog.controller.errors import RefusedError, UnavailableError, WebhookError
from synclog.controller.gateway import EVENTS, EXPORTS, JOBS
from synclog.controller.objects import job_of
from synclog.controller.reconcile import DELETING_PAUSE, REFUSED_PAUSE
from synclog.planning.model import DeleteRun, Event
from synclog.windows import DAY, SECOND


async def test_jobs_come_first_status_second_deletions_last(rig, gateway, make):
    old = gateway.seed(JOBS, make.job_body("old"))
    one = rig(DeleteRun("old", old["metadata"]["uid"], "history"), CREATE)
    await one.look()
    assert one.writes == [
        ("create", "jobs"),
        ("patch", "synclogexports"),
        ("delete", "jobs"),
    ]
    assert gateway.named(JOBS) == [NAME]


async def test_a_job_of_which_nothing_is_heard_is_looked_at_within_a_minute(rig):
    """Where the cluster's Job controller is down, no watch tells anything of it."""
    again = await rig(CREATE, wakeup=NOW + DAY).look()
    assert NOW < again <= NOW + 60 * SECOND


async def test_a_run_that_was_accounted_for_is_looked_at_again_at_once(rig, make):
    """Planning deletes only what the stored status accounts for; nothing else would wake us."""
    one = rig(wakeup=NOW + DAY)
    one.cache.jobs.put(make.job("done", conditions=({"type": "Complete", "status": "True"},)))
    assert await one.look() == NOW
    assert await one.look() == NOW + DAY


async def test_a_deleted_job_is_forgotten_at_once(rig, gateway, make):
    old = gateway.seed(JOBS, make.job_body("old"))
    one = rig(DeleteRun("old", old["metadata"]["uid"], "history"))
    one.cache.jobs.put(job_of(old))
    await one.look()
    await one.look()
    assert one.observed[-1].runs == ()


async def test_a_job_that_was_created_is_seen_before_any_watch_tells(rig):
    one = rig(CREATE)
    await one.look()
    await one.look()
    (run,) = one.observed[-1].runs
    assert (run.name, run.span, run.attempt) == (NAME, CREATE.span, 1)


async def test_a_second_look_without_news_writes_nothing(rig):
    one = rig()
    await one.look()
    count = len(one.writes)
    await one.look()
    assert len(one.writes) == count


async def test_the_skew_of_a_tick_and_the_duration_of_a_run_are_measured(rig, make):
    one = rig(CREATE)
    await one.look()
    assert one.skews == [2.0]
    done = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-01T00:00:30Z"}
    one.cache.jobs.put(make.job("done", conditions=(done,), resourceVersion="999"))
    one.actions = ()
    await one.look()
    assert 30.0 in one.durations
    count = len(one.durations)
    await one.look()
    assert len(one.durations) == count, "each run once"


async def test_our_own_job_that_exists_is_adopted(rig, gateway):
    """The answer to the first creation got lost, or another replica was faster."""
    first = rig(CREATE)
    await first.look()
    second = rig(CREATE)
    gateway.calls.clear()
    await second.look()
    assert gateway.named(JOBS) == [NAME]
    assert second.cache.jobs.get(f"uid-{NAME}") is not None
    assert second.observed[-1].refused is None


@pytest.mark.parametrize(
    "change",
    [
        {"ownerReferences": [{"uid": "uid-other", "controller": True}]},
        {"ownerReferences": []},
        {"annotations": {}},
        {"annotations": {"synclog.dev/run": "not json"}},
    ],
)
async def test_a_strangers_job_of_that_name_is_refused_and_told(rig, gateway, make, change):
    gateway.seed(JOBS, make.job_body(NAME, **change))
    one = rig(CREATE)
    again = await one.look()
    assert one.observed[-1].refused.reason == "JobNameTaken"
    assert again == NOW + REFUSED_PAUSE
    stored = await gateway.get(EXPORTS, "team", "prod")
    assert stored["status"]["summary"] == "JobNameTaken"
    assert ("delete", "jobs") not in one.writes


async def test_a_job_that_is_being_deleted_is_neither_adopted_nor_replaced(rig, gateway, make):
    gateway.seed(JOBS, make.job_body(NAME, deletionTimestamp="2026-03-01T00:00:30Z"))
    one = rig(CREATE)
    assert await one.look() == NOW + DELETING_PAUSE
    assert len(one.cache.jobs) == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RefusedError('jobs.batch "x" is forbidden: exceeded quota: q', status=403), "Quota"),
        (
            RefusedError('jobs.batch "x" is forbidden: status unknown for quota: q', status=403),
            "Quota",
        ),
        (RefusedError('admission webhook "w" denied the request', status=403), "Admission"),
        (RefusedError("ValidatingAdmissionPolicy 'p' denied request: no", status=422), "Admission"),
        (WebhookError('failed calling webhook "w": connection refused', status=500), "Admission"),
        (RefusedError('is forbidden: User "op" cannot create', status=403), "OperatorForbidden"),
        (RefusedError("Job is invalid: spec.template", status=422), "InvalidJob"),
    ],
)
async def test_a_refused_job_is_told_in_the_status_and_tried_again(rig, gateway, error, reason):
    gateway.fail("create", "jobs", error)
    one = rig(CREATE)
    assert await one.look() == NOW + REFUSED_PAUSE
    stored = await gateway.get(EXPORTS, "team", "prod")
    assert stored["status"]["summary"] == reason
    await one.look()
    stored = await gateway.get(EXPORTS, "team", "prod")
    assert stored["status"]["summary"] == "UpToDate", "it worked the second time"
    assert one.observed[-1].was_refused, "what passed meanwhile had no run because of that"
    await one.look()
    assert not one.observed[-1].was_refused


async def test_the_same_refusal_keeps_the_time_since_when_it_holds(rig, gateway):
    gateway.fail("create", "jobs", *(RefusedError("denied", status=403) for _ in range(2)))
    one = rig(CREATE)
    await one.look()
    first = one.observed[-1].refused
    one.reconciler._clock = lambda: NOW + 60 * SECOND
    await one.look()
    assert one.observed[-1].refused == first


async def test_without_an_answer_nothing_is_reported_and_the_look_is_repeated(rig, gateway):
    gateway.fail("create", "jobs", UnavailableError("no answer"))
    one = rig(CREATE)
    with pytest.raises(UnavailableError):
        await one.look()
    assert one.writes == [("create", "jobs")]


async def test_an_answer_that_got_lost_after_the_commit_makes_no_second_job(rig, gateway):
    gateway.lost_answers["create jobs"] = [UnavailableError("cut")]
    one = rig(CREATE)
    with pytest.raises(UnavailableError):
        await one.look()
    await one.look()
    assert gateway.named(JOBS) == [NAME]


async def test_a_conflict_on_status_deletes_nothing_tells_nothing_and_looks_again(
    rig, gateway, make
):
    old = gateway.seed(JOBS, make.job_body("old"))
    one = rig(
        DeleteRun("old", old["metadata"]["uid"], "history"), events=[Event("Normal", "R", "m")]
    )
    await gateway.patch(EXPORTS, "team", "prod", {"metadata": {"labels": {"x": "y"}}})
    assert await one.look() == NOW
    assert gateway.named(JOBS) == ["old"]
    await one.recorder.drain()
    assert gateway.named(EVENTS) == []
    await one.look()
    assert gateway.named(JOBS) == []
    await one.recorder.drain()
    assert len(gateway.named(EVENTS)) == 1


@pytest.mark.parametrize("again", [None, "uid-of-another"])
async def test_a_resource_that_is_gone_is_forgotten_before_a_watch_tells(rig, gateway, make, again):
    """Else it would be looked at without a pause for as long as the watch is silent.

    Another one of its name is left to the watch: what is known already is no news, and not looked
    at.
    """
    one = rig()
    one.summary = "changed"
    key = (EXPORTS, "team", "prod")
    body = gateway.objects.pop(key)
    if again:
        body["metadata"] |= {"uid": again, "resourceVersion": "1000"}
        gateway.objects[key] = body
    assert await one.look() == NOW
    writes = list(one.writes)
    assert await one.look() is None
    assert one.writes == writes
    assert one.cache.exports.all() == []


@pytest.mark.parametrize("spec", [{"source": 5}, {"suspend": "maybe"}])
async def test_a_spec_that_is_not_understood_is_told_and_not_planned(gateway, make, spec):
    one = Rig(gateway, gateway.seed(EXPORTS, make.export_body(**spec)), CREATE)
    assert await one.look() is None
    assert one.observed == []
    stored = await gateway.get(EXPORTS, "team", "prod")
    ready, _ = stored["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert next(iter(spec)) in ready["message"]


async def test_a_host_that_is_not_allowed_is_not_planned(rig, gateway):
    one = rig(CREATE, allowed_hosts=("*.example.com",))
    await one.look()
    assert gateway.named(JOBS) == []
    stored = await gateway.get(EXPORTS, "team", "prod")
    assert stored["status"]["conditions"][0]["reason"] == "SourceHostNotAllowed"


async def test_a_resource_that_is_being_deleted_is_left_to_the_garbage_collector(gateway, make):
    body = make.export_body()
    body["metadata"]["deletionTimestamp"] = "2026-03-01T00:00:00Z"
    one = Rig(gateway, gateway.seed(EXPORTS, body), CREATE)
    assert await one.look() is None
    assert one.writes == []


async def test_an_unknown_key_is_nothing(rig):
    one = rig(CREATE)
    assert await one.look("uid-of-nobody") is None
    assert one.writes == []


async def test_the_next_look_is_the_earliest_that_anybody_asks_for(rig, make):
    one = rig(wakeup=NOW + DAY)
    assert await one.look() == NOW + DAY
    one.cache.jobs.put(make.job("waiting", resourceVersion="999"))
    await one.look()
    assert await one.look() == NOW + 60 * SECOND, "as long again as it has waited"


async def test_events_are_read_only_where_nothing_else_tells(rig, gateway, make):
    gateway.seed(
        EVENTS,
        {
            "metadata": {"namespace": "team", "name": "e"},
            "involvedObject": {"uid": "uid-waiting"},
            "type": "Warning",
            "reason": "FailedCreate",
            "message": "exceeded quota",
            "lastTimestamp": "2026-03-01T00:00:30Z",
        },
    )
    one = rig()
    one.cache.jobs.put(make.job("waiting"))
    await one.look()
    (run,) = one.observed[-1].runs
    assert run.stuck.reason == "Quota"
    running = make.pod(job="waiting", phase="Running")
    one.cache.pods.put(running)
    gateway.calls.clear()
    await one.look()
    assert not [call for call in gateway.calls if call[:2] == ("list", "events")]


async def test_a_job_that_does_not_say_what_it_is_does_not_stop_the_look(rig, make):
    one = rig()
    one.cache.jobs.put(make.job("edited", annotation="{}"))
    await one.look()
    assert one.observed[-1].runs == ()
