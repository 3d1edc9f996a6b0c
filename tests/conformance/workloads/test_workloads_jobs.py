"""What Jobs do, whoever controls them: Kubernetes or our own Job controller."""

from devcluster.client import CLAIMS, JOBS, PODS, Resource
from support.workloads import conditions, finished, job, state

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"

QUOTAS = Resource("v1", "resourcequotas", "ResourceQuota")
SAY_INDEX = "printf $JOB_COMPLETION_INDEX > /dev/termination-log"


async def test_an_indexed_job_runs_every_index_once(kube):
    done = await kube.run_job(job("all", SAY_INDEX, completions=4, parallelism=2))
    status = done["status"]
    assert [(c["type"], c["reason"], c["message"]) for c in status["conditions"]] == [
        (kind, "CompletionsReached", "Reached expected number of succeeded pods")
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    assert status["completedIndexes"] == "0-3"
    assert status["succeeded"] == 4
    assert status["terminating"] == status["ready"] == 0
    assert status["uncountedTerminatedPods"] == {}
    assert status["startTime"] <= status["completionTime"]
    assert not {"active", "failed"} & set(status)

    pods = await kube.pods()
    assert len(pods) == 4
    for pod in pods:
        index = pod["metadata"]["labels"][INDEX]
        word, details = state(pod)
        assert (word, details["message"], details["reason"]) == ("terminated", index, "Completed")
        assert pod["metadata"]["annotations"][INDEX] == index
        assert pod["metadata"]["name"].startswith(f"all-{index}-")
        assert pod["spec"]["hostname"] == f"all-{index}"
        assert FINALIZER not in pod["metadata"].get("finalizers", ())
        assert pod["metadata"]["ownerReferences"][0]["uid"] == done["metadata"]["uid"]
    assert (await kube.until_event("all", "Completed"))["message"] == "Job completed"
    created = await kube.until_event("all", "SuccessfulCreate")
    assert created["message"].startswith("Created pod: all-")


async def test_a_plain_job_counts_its_successes(kube):
    body = job("plain", "exit 0", completionMode="NonIndexed", completions=3, parallelism=3)
    status = (await kube.run_job(body))["status"]
    assert status["succeeded"] == 3
    assert "completedIndexes" not in status


async def test_failed_indexes_fail_the_job_after_all_others_have_run(kube):
    script = f"{SAY_INDEX}; test $JOB_COMPLETION_INDEX != 1"
    body = job("some", script, completions=3, parallelism=1, backoffLimitPerIndex=0)
    done = await kube.run_job(body)
    status = done["status"]
    assert [(c["type"], c["reason"], c["message"]) for c in status["conditions"]] == [
        (kind, "FailedIndexes", "Job has failed indexes") for kind in ("FailureTarget", "Failed")
    ]
    assert (status["completedIndexes"], status["failedIndexes"]) == ("0,2", "1")
    assert (status["succeeded"], status["failed"]) == (2, 1)
    assert "completionTime" not in status
    assert (await kube.until_event("some", "FailedIndexes"))["type"] == "Warning"


async def test_a_failed_index_is_tried_again_and_carries_its_count(kube):
    script = 'test "$(cat /data/tried 2>/dev/null)" = yes || { echo yes > /data/tried; exit 3; }'
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
        },
    }
    await kube.create(CLAIMS, claim)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    mounts = [{"name": "data", "mountPath": "/data"}]
    done = await kube.run_job(
        job(
            "again",
            script,
            backoffLimitPerIndex=2,
            pod={"volumes": [volume], "container": {"volumeMounts": mounts}},
        )
    )
    assert conditions(done)["Complete"] == ("True", "CompletionsReached")
    assert (done["status"]["succeeded"], done["status"]["failed"]) == (1, 1)
    counts = [pod["metadata"]["annotations"][FAILURES] for pod in await kube.pods()]
    assert sorted(counts) == ["0", "1"]


async def test_too_many_failed_indexes_end_the_job_at_once(kube):
    body = job(
        "most", "exit 1", completions=4, parallelism=1, backoffLimitPerIndex=0, maxFailedIndexes=0
    )
    done = await kube.run_job(body)
    assert conditions(done)["Failed"] == ("True", "MaxFailedIndexesExceeded")
    assert done["status"]["failedIndexes"] == "0"
    assert len(await kube.pods()) == 1


async def test_the_failure_limit_of_a_whole_job(kube):
    done = await kube.run_job(job("limit", "exit 1", backoffLimit=0))
    failed = done["status"]["conditions"][-1]
    assert (failed["type"], failed["reason"], failed["message"]) == (
        "Failed",
        "BackoffLimitExceeded",
        "Job has reached the specified backoff limit",
    )
    await kube.until_event("limit", "BackoffLimitExceeded")


def policy(action, *, codes=(), condition=""):
    if condition:
        return {"action": action, "onPodConditions": [{"type": condition, "status": "True"}]}
    rule = {"containerName": "main", "operator": "In", "values": list(codes)}
    return {"action": action, "onExitCodes": rule}


POLICY = {
    "rules": [
        policy("Ignore", condition="DisruptionTarget"),
        policy("FailJob", codes=[10, 11]),
        policy("FailIndex", codes=[14]),
    ]
}


async def test_an_exit_code_that_fails_the_job(kube):
    script = "test $JOB_COMPLETION_INDEX = 0 && exit 11; sleep 60"
    body = job(
        "wrong",
        script,
        completions=2,
        parallelism=2,
        backoffLimitPerIndex=3,
        podFailurePolicy=POLICY,
    )
    done = await kube.run_job(body)
    pods = {pod["metadata"]["labels"][INDEX]: pod["metadata"]["name"] for pod in await kube.pods()}
    failed = done["status"]["conditions"][-1]
    assert (failed["type"], failed["reason"]) == ("Failed", "PodFailurePolicy")
    assert failed["message"] == (
        f"Container main for pod {kube.namespace}/{pods['0']} failed with exit code 11 "
        "matching FailJob rule at index 1"
    )
    assert done["status"]["failed"] == 2  # the one that was running counts as well


async def test_an_exit_code_that_fails_the_index(kube):
    script = "test $JOB_COMPLETION_INDEX = 0 && exit 14; exit 0"
    body = job("index", script, completions=2, backoffLimitPerIndex=5, podFailurePolicy=POLICY)
    done = await kube.run_job(body)
    assert conditions(done)["Failed"] == ("True", "FailedIndexes")
    assert (done["status"]["failedIndexes"], done["status"]["completedIndexes"]) == ("0", "1")


async def test_a_disrupted_pod_is_replaced_and_not_counted(kube):
    body = job("drain", "sleep 60", backoffLimitPerIndex=0, podFailurePolicy=POLICY)
    await kube.create(JOBS, body)
    [first] = await kube.until_pods(lambda pods: pods and state(pods[0])[0] == "running")
    await kube.set_condition(first["metadata"]["name"], "DisruptionTarget")
    await kube.delete(PODS, first["metadata"]["name"], gracePeriodSeconds=1)
    [second] = await kube.until_pods(
        lambda pods: (
            len(pods) == 1
            and pods[0]["metadata"]["uid"] != first["metadata"]["uid"]
            and state(pods[0])[0] == "running"
        )
    )
    notes = second["metadata"]["annotations"]
    assert notes[FAILURES] == "0"
    assert notes["batch.kubernetes.io/job-index-ignored-failure-count"] == "1"
    found = await kube.get(JOBS, "drain")
    assert "failed" not in found["status"]
    assert not finished(found)


async def test_failed_comes_only_when_every_pod_is_gone(kube):
    # Both run, and heed their signals, before the first one fails.
    script = "if [ $JOB_COMPLETION_INDEX = 0 ]; then trap 'exit 11' TERM; else trap '' TERM; fi; "
    script += "echo on; sleep 60 & wait; wait"
    body = job(
        "slow",
        script,
        completions=2,
        parallelism=2,
        backoffLimitPerIndex=0,
        podFailurePolicy=POLICY,
        pod={"terminationGracePeriodSeconds": 6},
    )
    await kube.create(JOBS, body)
    await kube.until_pods(lambda pods: len(pods) == 2)
    (first,), (deaf,) = await kube.pods(index=0), await kube.pods(index=1)
    for each in (first, deaf):
        await kube.until_log(each["metadata"]["name"], b"on\n")
    await kube.delete(PODS, first["metadata"]["name"])
    between = await kube.until(JOBS, "slow", lambda item: "FailureTarget" in conditions(item))
    assert "Failed" not in conditions(between)
    between = await kube.until(JOBS, "slow", lambda item: item["status"].get("terminating") == 1)
    assert "Failed" not in conditions(between)
    done = await kube.until(JOBS, "slow", finished)
    assert done["status"]["terminating"] == 0


async def test_a_job_that_is_active_too_long(kube):
    done = await kube.run_job(job("late", "sleep 60", activeDeadlineSeconds=1))
    failed = done["status"]["conditions"][-1]
    assert (failed["type"], failed["reason"], failed["message"]) == (
        "Failed",
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
    )
    assert await kube.pods() == []


async def test_what_an_end_does_to_pods_is_no_failure_of_theirs(kube):
    """Pods that are removed because the Job ends change neither its reason nor failedIndexes."""
    late = {"activeDeadlineSeconds": 1, "parallelism": 2, "completions": 2}
    indexed = job("indexed", "sleep 60", backoffLimitPerIndex=0, **late)
    plain = job("plain", "sleep 60", completionMode="NonIndexed", backoffLimit=0, **late)
    for body in (indexed, plain):
        status = (await kube.run_job(body))["status"]
        assert {c["reason"] for c in status["conditions"]} == {"DeadlineExceeded"}
        assert status["failed"] == 2
        assert not status.get("failedIndexes")


async def test_a_suspended_job_has_no_pods(kube):
    await kube.create(JOBS, job("rest", "sleep 60", suspend=True))
    rest = await kube.until(JOBS, "rest", lambda item: "Suspended" in conditions(item))
    assert conditions(rest)["Suspended"] == ("True", "JobSuspended")
    assert "startTime" not in rest["status"]
    assert await kube.pods() == []

    await kube.patch(JOBS, "rest", {"spec": {"suspend": False}})
    await kube.until_pods(lambda pods: pods and state(pods[0])[0] == "running")
    on = await kube.until(JOBS, "rest", lambda item: item["status"].get("ready") == 1)
    assert conditions(on)["Suspended"] == ("False", "JobResumed")
    assert on["status"]["active"] == 1
    assert "startTime" in on["status"]

    await kube.patch(JOBS, "rest", {"spec": {"suspend": True}})
    await kube.until_pods(lambda pods: not pods)
    off = await kube.until(JOBS, "rest", lambda item: not item["status"].get("terminating"))
    assert conditions(off)["Suspended"] == ("True", "JobSuspended")
    assert not {"active", "failed", "startTime"} & set(off["status"])
    await kube.until_event("rest", "Suspended")
    await kube.until_event("rest", "Resumed")
    await kube.until_event("rest", "SuccessfulDelete")


async def test_a_finished_job_goes_when_its_time_is_over(kube):
    await kube.create(JOBS, job("brief", "exit 0", ttlSecondsAfterFinished=0))
    await kube.until(JOBS, "brief", lambda item: item is None)
    await kube.until_pods(lambda pods: not pods)


async def test_a_deleted_job_takes_its_pods_along(kube):
    await kube.create(JOBS, job("gone", "sleep 60"))
    await kube.until_pods(lambda pods: pods and state(pods[0])[0] == "running")
    await kube.delete(JOBS, "gone", propagationPolicy="Background")
    await kube.until_pods(lambda pods: not pods)
    assert await kube.get(JOBS, "gone") is None


async def test_fewer_pods_when_parallelism_shrinks(kube):
    await kube.create(JOBS, job("shrink", "sleep 60", completions=3, parallelism=3))
    await kube.until(JOBS, "shrink", lambda item: item["status"].get("ready") == 3)
    await kube.patch(JOBS, "shrink", {"spec": {"parallelism": 1}})
    await kube.until_pods(lambda pods: len(pods) == 1)
    left = await kube.until(JOBS, "shrink", lambda item: item["status"].get("terminating") == 0)
    assert left["status"]["active"] == 1
    assert "failed" not in left["status"]


async def test_a_pod_that_may_not_be_created_is_told_and_tried_again(kube):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    await kube.create(QUOTAS, quota)
    await kube.create(JOBS, job("refused", "exit 0"))
    event = await kube.until_event("refused", "FailedCreate")
    assert event["type"] == "Warning"
    assert event["message"].startswith("Error creating: pods")
    assert "quota: none" in event["message"]
    await kube.delete(QUOTAS, "none")
    done = await kube.until(JOBS, "refused", finished)
    assert conditions(done)["Complete"][0] == "True"
