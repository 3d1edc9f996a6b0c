"""What a pod's status says, and where a pod may run."""

from datetime import UTC, datetime

import pytest

from devcluster.podrunner.scheduling import unbound, unfit
from devcluster.podrunner.status import (
    Record,
    Records,
    Running,
    Terminated,
    Waiting,
    phase_of,
    pod_status,
    settle_unstarted,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
UP = Running(NOW)
GOOD = Terminated(0, "Completed", "", NOW, NOW)
BAD = Terminated(3, "Error", "", NOW, NOW)
SOON = Waiting("ContainerCreating")


def records(*main, init=(), last=None, **more):
    def all_of(states):
        return [
            Record(f"c{number}", "image", state, last=last) for number, state in enumerate(states)
        ]

    return Records(init=all_of(init), main=all_of(main), **more)


@pytest.mark.parametrize(
    ("known", "policy", "phase"),
    [
        (records(SOON), "Never", "Pending"),
        (records(UP), "Never", "Running"),
        (records(UP, SOON), "Never", "Running"),
        (records(GOOD, SOON), "Never", "Pending"),
        (records(GOOD), "Never", "Succeeded"),
        (records(GOOD, BAD), "Never", "Failed"),
        (records(BAD), "OnFailure", "Running"),
        (records(GOOD), "OnFailure", "Succeeded"),
        (records(GOOD), "Always", "Running"),
        (records(Waiting("CrashLoopBackOff"), last=BAD), "Always", "Running"),
        (records(SOON, init=[UP]), "Never", "Pending"),
        (records(SOON, init=[BAD]), "Never", "Failed"),
        (records(SOON, init=[BAD]), "OnFailure", "Pending"),
        (records(UP, verdict=("Evicted", "")), "Never", "Running"),
        (records(SOON, verdict=("Evicted", "")), "Always", "Failed"),
        (records(BAD, halted=True), "Always", "Failed"),
        (records(GOOD, halted=True), "Always", "Succeeded"),
    ],
)
def test_phases(known, policy, phase):
    assert phase_of(known, policy) == phase


def pod(**status):
    return {"spec": {"restartPolicy": "Never"}, "status": status}


def test_conditions_keep_the_time_of_their_change():
    old = "2026-01-01T00:00:00Z"
    known = [
        {"type": "Ready", "status": "True", "lastTransitionTime": old},
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": old},
    ]
    status = pod_status(pod(conditions=known), records(GOOD), NOW)
    times = {c["type"]: c["lastTransitionTime"] for c in status["conditions"]}
    assert times["PodScheduled"] == old
    assert times["Ready"] == "2026-01-31T12:00:00Z"


def test_unready_containers_are_named():
    status = pod_status(pod(), records(UP, SOON, volumes_ready=True), NOW)
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["message"]) == ("False", "containers with unready status: [c1]")


def test_the_verdict_of_the_node_is_told_when_all_is_over():
    verdict = ("DeadlineExceeded", "too long")
    assert "reason" not in pod_status(pod(), records(UP, verdict=verdict), NOW)
    status = pod_status(pod(), records(BAD, verdict=verdict), NOW)
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", *verdict)


def test_containers_that_never_ran():
    known = records(SOON, GOOD)
    settle_unstarted(known)
    assert known.main[0].state.code == 137
    assert known.main[1].state == GOOD
    waiting = records(SOON, init=[BAD])
    settle_unstarted(waiting)
    assert waiting.main[0].state == SOON


NODE = {"metadata": {"name": "devnode", "labels": {"disk": "gold", "cores": "4"}}, "spec": {}}
CORDONED = NODE | {"spec": {"unschedulable": True}}


def affinity(*terms):
    required = {"nodeSelectorTerms": list(terms)}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    }


def rule(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({}, True),
        ({"nodeSelector": {"disk": "gold"}}, True),
        ({"nodeSelector": {"disk": "tin"}}, False),
        (affinity(rule("disk", "In", "gold", "tin")), True),
        (affinity(rule("disk", "NotIn", "gold")), False),
        (affinity(rule("disk", "Exists")), True),
        (affinity(rule("tape", "DoesNotExist")), True),
        (affinity(rule("cores", "Gt", "4")), False),
        (affinity(rule("cores", "Lt", "8")), True),
        (affinity(rule("disk", "In", "tin"), rule("cores", "Exists")), True),
        (
            affinity({"matchFields": rule("metadata.name", "In", "other")["matchExpressions"]}),
            False,
        ),
        (affinity({}), False),
    ],
)
def test_where_a_pod_fits(spec, fits):
    assert (unfit({"spec": spec}, NODE) == "") == fits


def test_a_cordoned_node_takes_only_who_tolerates_it():
    assert "node(s) were unschedulable" in unfit({"spec": {}}, CORDONED)
    tolerant = {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]}
    assert unfit({"spec": tolerant}, CORDONED) == ""


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (None, 'persistentvolumeclaim "data" not found'),
        ({"metadata": {}, "status": {"phase": "Pending"}}, "unbound immediate"),
        ({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Bound"}}, "being deleted"),
        ({"metadata": {}, "status": {"phase": "Bound"}}, ""),
    ],
)
def test_claims_that_keep_a_pod_waiting(claim, words):
    why = unbound({"data": claim})
    assert words in why
    assert bool(why) == bool(words)
