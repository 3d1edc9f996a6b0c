"""The policy, the back-off and the pods of a Job."""

from datetime import timedelta

import pytest

from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.manage import NewPod
from devcluster.jobcontroller.model import FINALIZER
from devcluster.jobcontroller.pods import pod_of
from devcluster.jobcontroller.policy import Verdict, judge


def exit_rule(action, operator, *values, container=None):
    rule = {"operator": operator, "values": list(values)}
    if container:
        rule["containerName"] = container
    return {"action": action, "onExitCodes": rule}


@pytest.mark.parametrize(
    ("rules", "code", "verdict"),
    [
        ([], 1, Verdict()),
        ([exit_rule("Ignore", "In", 1, 2)], 2, Verdict(counted=False)),
        ([exit_rule("Ignore", "In", 1, 2)], 3, Verdict()),
        ([exit_rule("Ignore", "NotIn", 1, 2)], 3, Verdict(counted=False)),
        ([exit_rule("FailIndex", "In", 3)], 3, Verdict(fail_index=True)),
        ([exit_rule("FailIndex", "In", 3, container="other")], 3, Verdict()),
        ([exit_rule("FailIndex", "In", 3, container="main")], 3, Verdict(fail_index=True)),
        ([exit_rule("Count", "In", 3), exit_rule("FailIndex", "In", 3)], 3, Verdict()),
        ([exit_rule("Ignore", "NotIn", 5)], 0, Verdict()),  # an exit code 0 matches nothing
    ],
)
def test_the_first_rule_that_matches_judges(make_job, make_pod, rules, code, verdict):
    job = make_job(completions=1, podFailurePolicy={"rules": rules})
    assert judge(job, make_pod("a", "Failed", index=0, code=code)) == verdict


def test_a_condition_that_fails_the_job_is_named(make_job, make_pod):
    pattern = {"type": "ConfigIssue", "status": "True"}
    rules = [{"action": "FailJob", "onPodConditions": [pattern]}]
    job = make_job(completions=1, podFailurePolicy={"rules": rules})
    pod = make_pod("a", "Failed", index=0, conditions=["ConfigIssue"])
    assert judge(job, pod).fail_job == (
        "Pod ns/a has condition ConfigIssue matching FailJob rule at index 0"
    )


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 10), (2, 20), (3, 40), (7, 600), (500, 600)]
)
def test_delays_double_up_to_the_cap(now, failures, seconds):
    assert Backoff().remaining(failures, now, now) == timedelta(seconds=seconds)


def test_time_that_has_passed_is_taken_off(now):
    later = now + timedelta(seconds=4)
    assert Backoff().remaining(1, now, later) == timedelta(seconds=6)
    assert Backoff().remaining(1, now, now + timedelta(minutes=1)) == timedelta(0)


def test_the_pod_of_an_index(make_job):
    job = make_job(completions=3)
    job.spec["template"] = {
        "metadata": {"labels": {"app": "x"}, "annotations": {"note": "y"}},
        "spec": {"containers": [{"name": "main"}], "initContainers": [{"name": "first"}]},
    }
    pod = pod_of(job, NewPod(2, failures=1, ignored=3))
    meta = pod["metadata"]
    assert meta["generateName"] == "job-2-"
    assert meta["labels"] == {"app": "x", "batch.kubernetes.io/job-completion-index": "2"}
    assert meta["annotations"] == {
        "note": "y",
        "batch.kubernetes.io/job-completion-index": "2",
        "batch.kubernetes.io/job-index-failure-count": "1",
        "batch.kubernetes.io/job-index-ignored-failure-count": "3",
    }
    assert meta["finalizers"] == [FINALIZER]
    assert meta["ownerReferences"][0]["controller"]
    assert pod["spec"]["hostname"] == "job-2"
    for kind in ("containers", "initContainers"):
        [variable] = pod["spec"][kind][0]["env"]
        assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert "env" not in job.spec["template"]["spec"]["containers"][0]  # the template is not touched


def test_a_long_name_leaves_room_for_index_and_suffix(make_job):
    job = make_job(completions=1)
    long = type(job)(**{name: getattr(job, name) for name in job.__slots__} | {"name": "n" * 63})
    prefix = pod_of(long, NewPod(12))["metadata"]["generateName"]
    assert prefix.endswith("-12-")
    assert len(prefix) == 58


def test_a_variable_of_that_name_stays(make_job):
    job = make_job(completions=1)
    given = {"name": "JOB_COMPLETION_INDEX", "value": "mine"}
    job.spec["template"]["spec"]["containers"][0]["env"] = [given]
    assert pod_of(job, NewPod(0))["spec"]["containers"][0]["env"] == [given]
