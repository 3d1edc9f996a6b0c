"""A SyncLogExport from its first look to its last file."""


def test_a_backlog_is_exported_once_and_the_schedule_goes_on(world):
    operator = world.operator().leads()
    world.create(schedule="* * * * *")
    first = world.complete()
    window = world.prove()
    assert first["ledger"]["head"] >= 5
    assert first["totals"]["events"] >= world.source.truth.count(window)
    assert first["effectiveSchedule"] == "* * * * *"
    assert first["lastRun"]["result"] == "Succeeded"
    assert world.condition("Ready")["status"] == "True"
    later = world.complete(beyond=first["coveredUntil"])
    assert later["lastRun"]["scheduledTime"] >= first["nextScheduleTimes"][0]
    world.prove()
    assert operator.stop() == 0


def test_a_new_trigger_runs_at_once_and_is_acknowledged(world, eventually):
    world.operator().leads()
    world.create()  # without a schedule: once
    covered = world.complete()["coveredUntil"]
    world.change(trigger="please")
    status = eventually(
        lambda: (
            (found := world.status()).get("lastTrigger") == "please"
            and found["coveredUntil"] > covered
            and found
        ),
        "the trigger is answered",
    )
    assert status["lastTrigger"] == "please"
    world.prove()


def test_a_suspended_export_starts_nothing_and_goes_on_where_it_was(world, eventually):
    world.operator().leads()
    world.create(suspend=True, schedule="* * * * *")
    eventually(lambda: world.condition("Suspended")["status"] == "True", "it is suspended")
    assert world.jobs() == []
    world.change(suspend=False)
    world.complete()
    world.prove()
    assert world.condition("Suspended")["status"] == "False"


def test_deleting_the_resource_ends_its_jobs_and_keeps_the_data(world, eventually):
    world.operator().leads()
    world.create(range={"rolling": {"from": world.days_ago(80), "settleDelay": "2s"}})
    eventually(lambda: list(world.archive().rglob("*.csv.gz")), "the first file")
    world.api.delete("synclogexports", world.namespace, "prod")
    eventually(lambda: not world.jobs() and not world.pods(), "Jobs and pods are gone")
    assert list(world.archive().rglob("*.csv.gz"))


def test_a_resource_that_is_created_again_finds_its_coverage_in_the_ledger(world):
    world.operator().leads()
    world.create()
    head = world.complete()["ledger"]
    world.api.delete("synclogexports", world.namespace, "prod")
    world.create(trigger="again")
    status = world.complete()
    assert status["ledger"]["id"] == head["id"]
    assert status["ledger"]["head"] >= head["head"]
    world.prove()


def test_only_as_many_finished_jobs_are_kept_as_the_history_says(world, eventually):
    world.operator().leads()
    world.create(history={"successful": 1, "failed": 1})
    for number in range(3):
        world.complete()
        world.change(trigger=f"run {number}")
        eventually(lambda n=number: world.status().get("lastTrigger") == f"run {n}", "it ran")
    world.complete()
    eventually(lambda: len(world.jobs()) == 1, "one Job is left")


def test_a_between_range_is_exported_and_then_it_is_over(world):
    world.operator().leads()
    span = {"start": world.days_ago(4), "end": world.days_ago(1), "settleDelay": "2s"}
    world.create(range={"between": span})
    status = world.complete()
    assert status["coveredUntil"].startswith(world.days_ago(1)[:19])
    assert world.prove().end - world.prove().start == 3 * 86_400_000


def test_a_single_node_claim_keeps_pods_together_and_completes(world):
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "one-node"}, "spec": body}
    world.api.create("persistentvolumeclaims", world.namespace, claim)
    world.operator().leads()
    world.create(destination={"persistentVolumeClaim": {"claimName": "one-node"}})
    world.complete()
    for pod in world.pods():
        terms = pod["spec"]["affinity"]["podAffinity"]
        (term,) = terms["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        label = pod["metadata"]["labels"]["synclog.dev/claim"]
        assert term["labelSelector"]["matchLabels"] == {"synclog.dev/claim": label}
