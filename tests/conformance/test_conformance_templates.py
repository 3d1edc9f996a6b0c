"""Templates of pods: what a Job may ask its pods to be, whoever wrote it."""

import pytest

from support.kube import JOBS, job, refused


@pytest.fixture
def jobs(namespace):
    return f"{JOBS}/{namespace}/jobs"


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def container(**more):
    return {"containers": [{"name": "c", "image": "busybox:1", **more}]}


def files(**item):
    source = {"secretName": "s", "items": [item]}
    return {"volumes": [{"name": "v", "secret": source}]}


def node_rule(**expression):
    terms = [{"matchExpressions": [{"key": "a", **expression}]}]
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}}


def pod_rule(**term):
    labels = {"labelSelector": {"matchLabels": {"a": "b"}}}
    return {"affinity": {"podAffinity": {REQUIRED: [labels | term]}}}


@pytest.mark.parametrize(
    ("pod_spec", "text"),
    [
        (container(env=[{"name": "A=B"}]), "printable ASCII characters other than '='"),
        (
            container(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"key": "k"}}}]),
            'secretKeyRef.name: Invalid value: ""',
        ),
        (
            container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]),
            "field label not supported: spec.x",
        ),
        (
            container(resources={"limits": {"gpu": "1"}}),
            'limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
        ),
        (container(resources={"limits": {"pods": "1"}}), "must be a standard resource for"),
        (
            container(resources={"requests": {"cpu": "-1"}}),
            'requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        ),
        (
            container(resources={"requests": {"example.com/gpu": "1"}}),
            "Limit must be set for non overcommitable resources",
        ),
        (
            container(resources={"requests": {"a.example/b": "1"}, "limits": {"a.example/b": "2"}}),
            "must be equal to a.example/b limit of 2",
        ),
        (container(resources={"limits": {"a.example/b": "500m"}}), "must be an integer"),
        (container(resources={"limits": {"hugepages-2Mi": "2Mi"}}), "require cpu or memory"),
        (container(resources={"claims": [{"name": "g"}]}), 'claims[0]: Not found: "g"'),
        ({"securityContext": {"fsGroupChangePolicy": "X"}}, '"Always", "OnRootMismatch"'),
        ({"securityContext": {"supplementalGroups": [-1]}}, "supplementalGroups[0]"),
        ({"securityContext": {"seccompProfile": {}}}, "type is required when seccompProfile"),
        (
            {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
            "localhostProfile: Required value: must be set when seccomp type is Localhost",
        ),
        (files(key="k", path="..k"), "must not start with '..'"),
        (files(key="k", path="/k"), "must be a relative path"),
        (files(key="", path=""), "items[0].path: Required value"),
        ({"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "-1"}}]}, "valid resource quantity"),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {}}]}}]},
            "projected.sources[0].secret.name: Required value",
        ),
        (pod_rule(), "topologyKey: Required value: can not be empty"),
        (pod_rule(topologyKey="a b"), 'topologyKey: Invalid value: "a b"'),
        (
            pod_rule(topologyKey="a", labelSelector={"matchLabels": {"a": "b c"}}),
            'labelSelector.matchLabels: Invalid value: "b c"',
        ),
        (
            {"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 0, "podAffinityTerm": {}}]}}},
            "weight: Invalid value: 0: must be in the range 1-100",
        ),
        (
            {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}},
            "must have at least one node selector term",
        ),
        (node_rule(operator="In"), "must be specified when `operator` is 'In' or 'NotIn'"),
        (node_rule(operator="Exists", values=["b"]), "may not be specified when `operator` is"),
        (node_rule(operator="Near", values=["b"]), "not a valid selector operator"),
        (node_rule(operator="Gt", values=["1", "2"]), "must be specified single value"),
        ({"tolerations": [{"key": "a b", "operator": "Exists"}]}, 'key: Invalid value: "a b"'),
        ({"tolerations": [{"key": "a", "value": "b c"}]}, 'operator: Invalid value: "b c"'),
        (
            {"tolerations": [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 3}]},
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
        ({"priorityClassName": "A_b"}, 'priorityClassName: Invalid value: "A_b"'),
        ({"nodeName": "A_b"}, 'nodeName: Invalid value: "A_b"'),
        ({"activeDeadlineSeconds": 2**31}, "must be between 1 and 2147483647, inclusive"),
    ],
)
def test_a_template_that_no_pod_could_have_is_refused(api, jobs, pod_spec, text):
    assert text in refused(api.post(jobs, job("j", pod_spec)), 422, "Invalid")


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"annotations": {"A b": "c"}}, 'spec.template.annotations: Invalid value: "A b"'),
        ({"labels": {"job-name": "other"}}, "spec.template.metadata.labels[job-name]"),
        ({"labels": {"batch.kubernetes.io/controller-uid": "x"}}, "labels[batch.kubernetes.io/"),
    ],
)
def test_metadata_of_a_template_that_no_pod_could_have_is_refused(api, jobs, metadata, text):
    body = job()
    body["spec"]["template"]["metadata"] = metadata
    assert text in refused(api.post(jobs, body), 422, "Invalid")


def test_a_job_without_labels_gets_those_of_its_template(api, jobs):
    body = job()
    body["spec"]["template"]["metadata"] = {"labels": {"a": "b"}}
    made = api.made(jobs, body)
    assert made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"]
    assert made["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "j"


def test_more_than_a_hundred_thousand_indexes_need_a_bound(api, jobs):
    answer = api.post(jobs, job(completions=100_001))
    assert "maxFailedIndexes: Required value" in refused(answer, 422, "Invalid")
    answer = api.post(jobs, job(completions=100_001, maxFailedIndexes=10, parallelism=10_001))
    assert "must be less than or equal to 10000" in refused(answer, 422, "Invalid")


@pytest.mark.parametrize(
    ("condition", "text"),
    [({"type": "a b"}, "type: Invalid value"), ({"type": "A", "status": "maybe"}, "Unsupported")],
)
def test_a_policy_names_conditions_that_pods_have(api, jobs, condition, text):
    rule = {"action": "Ignore", "onPodConditions": [condition]}
    answer = api.post(jobs, job(podFailurePolicy={"rules": [rule]}))
    assert text in refused(answer, 422, "Invalid")
