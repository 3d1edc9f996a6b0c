"""The decision about a Job, by table: what it does, what it says."""

from datetime import timedelta

import pytest

from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.manage import NewPod
from devcluster.jobcontroller.sync import sync

BACKOFF = Backoff()
FAIL_JOB = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [11]}}
FAIL_INDEX = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [14]}}
IGNORE = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
POLICY = {"rules": [IGNORE, FAIL_JOB, FAIL_INDEX]}


@pytest.fixture
def decide(now):
    def decide(job, *pods, at=now):
        return sync(job, pods, at, BACKOFF)

    return decide


def announced(decision):
    return [(c["type"], c["reason"]) for c in decision.status.get("conditions", ())]


def names(pods):
    return sorted(pod.name for pod in pods)


def test_a_new_job_starts_its_first_indexes(decide, make_job):
    decision = decide(make_job(completions=5, parallelism=2))
    assert decision.create == (NewPod(0), NewPod(1))
    assert decision.status["startTime"] == "2026-01-31T12:00:00Z"


def test_indexes_with_a_pod_or_an_end_are_not_started(decide, make_job, make_pod):
    job = make_job(completions=6, parallelism=4, status={"completedIndexes": "0"})
    pods = [make_pod("a", index=1), make_pod("b", "Succeeded", index=2)]
    assert [new.index for new in decide(job, *pods).create] == [3, 4, 5]


def test_no_more_pods_than_completions_are_missing(decide, make_job, make_pod):
    job = make_job(completions=3, parallelism=3, status={"completedIndexes": "0", "succeeded": 1})
    assert decide(job, make_pod("a", index=1), make_pod("b", index=2)).create == ()


def test_a_job_without_completions_waits_for_one_success(decide, make_job, make_pod):
    job = make_job(parallelism=2)
    assert decide(job).create == (NewPod(), NewPod())
    assert decide(job, make_pod("a", "Succeeded"), make_pod("b")).create == ()
    done = decide(job, make_pod("a", "Succeeded"))
    assert announced(done) == [("SuccessCriteriaMet", "CompletionsReached")]


def test_success_is_announced_noted_and_then_final(decide, make_job, make_pod):
    job = make_job(completions=1)
    first = decide(job, make_pod("a", "Succeeded", index=0))
    assert announced(first) == [("SuccessCriteriaMet", "CompletionsReached")]
    assert names(first.release) == ["a"]
    assert first.status["completedIndexes"] == "0"

    job = make_job(completions=1, status=first.status)
    second = decide(job, make_pod("a", "Succeeded", index=0, tracked=False))
    assert announced(second)[1:] == [("Complete", "CompletionsReached")]
    assert second.status["completionTime"] == "2026-01-31T12:00:00Z"
    assert [notice.reason for notice in second.notices] == ["Completed"]


def test_a_success_without_index_is_counted_once(decide, make_job, make_pod):
    job = make_job(completions=2, completionMode="NonIndexed")
    first = decide(job, make_pod("a", "Succeeded"), make_pod("b"))
    assert first.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]}
    assert "succeeded" not in first.status

    # The same again: a crash before the finalizer was taken off.
    job = make_job(completions=2, completionMode="NonIndexed", status=first.status)
    assert decide(job, make_pod("a", "Succeeded"), make_pod("b")).status == first.status

    second = decide(job, make_pod("a", "Succeeded", tracked=False), make_pod("b"))
    assert second.status["succeeded"] == 1
    assert second.status["uncountedTerminatedPods"] == {}


def test_a_failed_index_waits_its_turn_and_keeps_its_pod(decide, make_job, make_pod, now):
    job = make_job(completions=1, backoffLimitPerIndex=2)
    pod = make_pod("a", "Failed", index=0, failures=1, finished=5)
    waiting = decide(job, pod)
    assert (waiting.create, waiting.release) == ((), ())
    assert waiting.again == timedelta(seconds=15)  # the second failure: twice ten seconds

    due = decide(job, pod, at=now + timedelta(seconds=15))
    assert due.create == (NewPod(0, failures=2),)
    replaced = decide(job, pod, make_pod("b", index=0, failures=2))
    assert names(replaced.release) == ["a"]


def test_one_index_that_waits_does_not_hold_up_the_others(decide, make_job, make_pod):
    job = make_job(completions=3, parallelism=2, backoffLimitPerIndex=2)
    decision = decide(job, make_pod("a", "Failed", index=0, failures=0))
    assert decision.create == (NewPod(1, failures=0),)
    assert decision.again == timedelta(seconds=10)


def test_an_index_fails_at_its_limit_and_the_job_when_all_are_settled(decide, make_job, make_pod):
    job = make_job(completions=2, backoffLimitPerIndex=1)
    failed = make_pod("a", "Failed", index=0, failures=1)
    going = decide(job, failed)
    assert going.status["failedIndexes"] == "0"
    assert [new.index for new in going.create] == [1]
    assert names(going.release) == ["a"]

    settled = decide(job, failed, make_pod("b", "Succeeded", index=1))
    assert announced(settled) == [("FailureTarget", "FailedIndexes")]


def test_too_many_failed_indexes(decide, make_job, make_pod):
    job = make_job(completions=9, parallelism=2, backoffLimitPerIndex=0, maxFailedIndexes=1)
    pods = [make_pod(f"p{index}", "Failed", index=index, failures=0) for index in (0, 1)]
    assert announced(decide(job, *pods)) == [("FailureTarget", "MaxFailedIndexesExceeded")]
    assert announced(decide(job, pods[0])) == []


def test_an_ignored_failure_counts_for_the_delay_alone(decide, make_job, make_pod):
    job = make_job(completions=1, backoffLimitPerIndex=0, podFailurePolicy=POLICY)
    pod = make_pod(
        "a", "Failed", index=0, failures=0, ignored=1, finished=20, conditions=["DisruptionTarget"]
    )
    decision = decide(job, pod)
    assert decision.create == (NewPod(0, failures=0, ignored=2),)
    released = decide(job, pod, make_pod("b", index=0, failures=0, ignored=2))
    assert names(released.release) == ["a"]
    assert released.status["uncountedTerminatedPods"] == {}


def test_an_exit_code_fails_its_index_before_the_limit(decide, make_job, make_pod):
    job = make_job(completions=1, backoffLimitPerIndex=9, podFailurePolicy=POLICY)
    decision = decide(job, make_pod("a", "Failed", index=0, failures=0, code=14))
    assert decision.status["failedIndexes"] == "0"
    assert announced(decision) == [("FailureTarget", "FailedIndexes")]


def test_an_exit_code_fails_the_job_step_by_step(decide, make_job, make_pod):
    spec = {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 9}
    bad = make_pod("a", "Failed", index=0, code=11)
    stop = decide(make_job(podFailurePolicy=POLICY, **spec), bad, make_pod("b", index=1))
    assert [(removal.pod.name, removal.release) for removal in stop.remove] == [("b", False)]
    assert announced(stop) == []  # nothing is announced while something still runs

    ending = make_pod("b", index=1, deleted=True)
    told = decide(make_job(podFailurePolicy=POLICY, **spec), bad, ending)
    assert announced(told) == [("FailureTarget", "PodFailurePolicy")]
    message = told.status["conditions"][0]["message"]
    assert message == (
        "Container main for pod ns/a failed with exit code 11 matching FailJob rule at index 1"
    )
    assert names(told.release) == ["a", "b"]

    job = make_job(podFailurePolicy=POLICY, status=told.status, **spec)
    untracked = make_pod("a", "Failed", index=0, code=11, tracked=False)
    waits = decide(job, untracked, make_pod("b", index=1, deleted=True, tracked=False))
    assert announced(waits) == [("FailureTarget", "PodFailurePolicy")]
    assert (waits.status["failed"], waits.status["terminating"]) == (2, 1)

    job = make_job(podFailurePolicy=POLICY, status=waits.status, **spec)
    final = decide(job, untracked)
    assert announced(final)[1:] == [("Failed", "PodFailurePolicy")]
    assert final.status["conditions"][1]["message"] == message
    assert "completionTime" not in final.status
    assert [notice.kind for notice in final.notices] == ["Warning"]


@pytest.mark.parametrize(("limit", "reason"), [(0, "BackoffLimitExceeded"), (1, None)])
def test_the_limit_of_the_whole_job(decide, make_job, make_pod, limit, reason):
    job = make_job(completions=1, backoffLimit=limit)
    decision = decide(job, make_pod("a", "Failed", index=0))
    expected = [("FailureTarget", reason)] if reason else []
    assert announced(decision) == expected


@pytest.mark.parametrize(
    ("limit", "restarts", "over"), [(2, 1, False), (2, 2, True), (0, 0, False), (0, 1, True)]
)
def test_restarts_inside_pods_count(decide, make_job, make_pod, limit, restarts, over):
    job = make_job(completions=1, backoffLimit=limit, restart="OnFailure")
    decision = decide(job, make_pod("a", index=0, restarts=restarts))
    assert bool(decision.remove) == over


def test_a_whole_job_waits_after_failures(decide, make_job, make_pod, now):
    job = make_job(completions=2, parallelism=2, backoffLimit=6)
    failed = make_pod("a", "Failed", index=0, finished=3, tracked=False)
    decision = decide(job, failed)
    assert (decision.create, decision.again) == ((), timedelta(seconds=7))
    better = decide(job, failed, make_pod("b", "Succeeded", index=1, finished=1))
    assert [new.index for new in better.create] == [0]  # a success forgives


def test_the_deadline_of_a_job(decide, make_job, make_pod):
    job = make_job(
        completions=1, activeDeadlineSeconds=60, status={"startTime": "2026-01-31T11:59:30Z"}
    )
    assert decide(job, make_pod("a", index=0)).again == timedelta(seconds=30)
    late = make_job(
        completions=1, activeDeadlineSeconds=30, status={"startTime": "2026-01-31T11:59:30Z"}
    )
    assert names(removal.pod for removal in decide(late, make_pod("a", index=0)).remove) == ["a"]
    told = decide(late, make_pod("a", index=0, deleted=True))
    assert announced(told) == [("FailureTarget", "DeadlineExceeded")]


def test_suspending_and_resuming(decide, make_job, make_pod):
    running = {"startTime": "2026-01-31T11:00:00Z"}
    job = make_job(completions=1, suspend=True, activeDeadlineSeconds=1, status=running)
    stop = decide(job, make_pod("a", index=0))
    assert [(removal.pod.name, removal.release) for removal in stop.remove] == [("a", True)]
    off = decide(job, make_pod("a", index=0, deleted=True, tracked=False))
    assert [(c["type"], c["status"]) for c in off.status["conditions"]] == [("Suspended", "True")]
    assert "startTime" not in off.status
    assert not off.create

    job = make_job(completions=1, status=off.status)
    on = decide(job, make_pod("b", index=0))
    assert [(c["type"], c["status"]) for c in on.status["conditions"]] == [("Suspended", "False")]
    assert on.status["startTime"] == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize("policy", ["Failed", "TerminatingOrFailed"])
def test_when_a_terminating_pod_is_replaced(decide, make_job, make_pod, policy):
    job = make_job(completions=1, podReplacementPolicy=policy, backoffLimitPerIndex=3)
    pod = make_pod("a", index=0, deleted=True, failures=0)
    decision = decide(job, pod)
    assert decision.status["terminating"] == 1
    expected = () if policy == "Failed" else (NewPod(0, failures=1),)
    assert decision.create == expected


def test_pods_that_are_too_many_go_least_far_first(decide, make_job, make_pod):
    job = make_job(completions=5, parallelism=1)
    pods = [
        make_pod("ready", index=0),
        make_pod("pending", "Pending", index=1),
        make_pod("waiting", "Pending", index=2, node=None),
    ]
    assert names(removal.pod for removal in decide(job, *pods).remove) == ["pending", "waiting"]


def test_the_second_pod_of_an_index_goes(decide, make_job, make_pod):
    job = make_job(completions=2, parallelism=2)
    pods = [make_pod("a", index=0), make_pod("b", "Pending", index=0), make_pod("c", index=7)]
    assert names(removal.pod for removal in decide(job, *pods).remove) == ["b", "c"]


def test_a_job_that_is_deleted_lets_its_pods_go(decide, make_job, make_pod):
    job = make_job(completions=2, parallelism=2, deleted=True)
    decision = decide(job, make_pod("a", index=0))
    assert decision.create == ()
    assert names(decision.release) == ["a"]


def test_pods_of_no_index_are_not_counted(decide, make_job, make_pod):
    job = make_job(completions=1, backoffLimit=0)
    decision = decide(job, make_pod("a", "Failed"), make_pod("b", "Failed", index=4))
    assert names(decision.release) == ["a", "b"]
    assert decision.status["uncountedTerminatedPods"] == {}
    assert announced(decision) == []


def test_a_success_policy_ends_the_job_early(decide, make_job, make_pod):
    rules = {"rules": [{"succeededIndexes": "2"}, {"succeededIndexes": "0-2", "succeededCount": 2}]}
    job = make_job(completions=3, parallelism=3, successPolicy=rules)
    pods = [make_pod("a", "Succeeded", index=0), make_pod("b", "Succeeded", index=1)]
    decision = decide(job, *pods)
    assert announced(decision) == [("SuccessCriteriaMet", "SuccessPolicy")]
    assert decision.status["conditions"][0]["message"] == "Matched rules at index 1"
    assert announced(decide(job, pods[0])) == []
