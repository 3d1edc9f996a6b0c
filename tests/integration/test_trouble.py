"""What people on call read, and what the operator does, when something is wrong."""

import pytest


def reason_of(world, kind="Degraded"):
    condition = world.condition(kind)
    return condition["status"] == "True" and condition["reason"]


def test_a_missing_secret_is_named_within_a_minute_and_heals(world, eventually):
    world.operator().leads()
    auth = {"apiClient": {"secretName": "nowhere"}}
    world.create(source={"url": world.source.url, "auth": auth}, schedule="* * * * *")
    found = eventually(lambda: reason_of(world), "it is degraded")
    assert found == "MissingSecret"
    assert "nowhere" in world.condition("Degraded")["message"]
    login = {"clientId": world.source.client_id, "clientSecret": world.source.client_secret}
    body = {"metadata": {"name": "nowhere"}, "stringData": login}
    world.api.create("secrets", world.namespace, body)
    world.complete()
    world.prove()
    assert world.condition("Degraded")["status"] == "False"


def test_a_missing_claim_is_named_within_a_minute(world, eventually):
    world.operator().leads()
    world.create(destination={"persistentVolumeClaim": {"claimName": "nowhere"}})
    found = eventually(lambda: reason_of(world), "it is degraded")
    assert found in ("MissingVolume", "UnboundVolume", "Unschedulable")
    assert "nowhere" in world.condition("Degraded")["message"]


def test_an_image_that_cannot_be_pulled_is_named_within_a_minute(world, eventually):
    world.operator("--image=nobody/has:this").leads()
    world.create()
    assert eventually(lambda: reason_of(world), "it is degraded") == "ImagePull"
    assert "nobody/has:this" in world.condition("Degraded")["message"]


def test_a_wrong_secret_is_not_tried_again_within_the_run(world, eventually):
    login = {"clientId": "wrong", "clientSecret": "wrong"}
    body = {"metadata": {"name": "wrong"}, "stringData": login}
    world.api.create("secrets", world.namespace, body)
    world.operator().leads()
    auth = {"apiClient": {"secretName": "wrong"}}
    world.create(source={"url": world.source.url, "auth": auth})
    eventually(lambda: world.status().get("consecutiveFailures"), "the run failed")
    assert len([pod for pod in world.pods() if pod["status"]["phase"] == "Failed"]) == 1
    (job,) = world.jobs()
    failed = [one for one in job["status"]["conditions"] if one["type"] == "Failed"]
    assert failed[0]["reason"] == "PodFailurePolicy"
    assert world.condition("Degraded")["status"] == "True"
    events = world.api.list("events", world.namespace)
    mine = [event for event in events if event["involvedObject"]["kind"] == "SyncLogExport"]
    assert [event for event in mine if event["type"] == "Warning"]


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"timeZone": "Mars/Base", "schedule": "@daily"}, "Mars"),
    ],
)
def test_a_spec_that_nobody_can_follow_is_refused_and_others_go_on(world, eventually, spec, word):
    world.operator().leads()
    world.create("bad", **spec)
    world.create("good")
    invalid = eventually(
        lambda: (found := world.condition("Ready", "bad"))["reason"] and found, "bad is looked at"
    )
    assert (invalid["status"], invalid["reason"]) == ("False", "InvalidSpec")
    assert word in invalid["message"]
    world.complete(name="good")


def test_a_host_that_is_not_allowed_gets_no_job(world, eventually):
    world.operator("--allowed-source-hosts=*.code42.com").leads()
    world.create()
    refused = eventually(
        lambda: (found := world.condition("Ready"))["reason"] and found, "it is looked at"
    )
    assert refused["reason"] == "SourceHostNotAllowed"
    assert world.jobs() == []


def test_a_quota_that_is_used_up_is_named(world, eventually):
    hard = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    world.api.create("resourcequotas", world.namespace, hard)
    eventually(
        lambda: (
            (world.api.get("resourcequotas", world.namespace, "none") or {}).get("status")
            or world.cluster.kind == "embedded"
        ),
        "the quota is counted",
    )
    world.operator().leads()
    world.create()
    assert eventually(lambda: reason_of(world), "it is degraded") == "Quota"


def test_the_metrics_tell_what_the_status_tells(world, eventually):
    operator = world.operator().leads()
    world.create(schedule="0 0 1 1 *")
    status = world.complete()
    own = f'namespace="{world.namespace}",name="prod"'
    found = eventually(
        lambda: (
            (samples := operator.metrics()).get(f"synclog_export_events_total{{{own}}}")
            == status["totals"]["events"]
            and samples
        ),
        "the metrics follow",
    )
    assert found["synclog_operator_is_leader"] == 1
    assert found[f"synclog_export_suspended{{{own}}}"] == 0
    assert found[f"synclog_export_consecutive_failures{{{own}}}"] == 0
    assert found[f"synclog_export_next_run_timestamp_seconds{{{own}}}"] > 0
    world.api.delete("synclogexports", world.namespace, "prod")
    eventually(lambda: not any(own in name for name in operator.metrics()), "the series are gone")
