"""Jobs and pods as objects: defaults, validation, what may change, binding."""

import pytest

from support.kube import CORE, JOBS, STRATEGIC, job, ok, pod, refused

UID = "batch.kubernetes.io/controller-uid"


@pytest.fixture
def jobs(namespace):
    return f"{JOBS}/{namespace}/jobs"


@pytest.fixture
def pods(namespace):
    return f"{CORE}/{namespace}/pods"


def test_a_job_gets_its_defaults(api, jobs):
    made = api.made(jobs, job())
    spec, uid = made["spec"], made["metadata"]["uid"]
    assert spec["backoffLimit"] == 2147483647
    assert spec["podReplacementPolicy"] == "TerminatingOrFailed"
    assert spec["selector"] == {"matchLabels": {UID: uid}}
    labels = {
        UID: uid,
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": uid,
        "job-name": "j",
    }
    assert spec["template"]["metadata"]["labels"] == labels
    assert made["metadata"]["labels"] == labels
    assert made["metadata"]["generation"] == 1
    container = spec["template"]["spec"]["containers"][0]
    assert container["terminationMessagePath"] == "/dev/termination-log"
    assert container["imagePullPolicy"] == "IfNotPresent"


def test_a_plain_job_gets_its_defaults(api, jobs):
    template = {
        "spec": {
            "restartPolicy": "Never",
            "containers": job()["spec"]["template"]["spec"]["containers"],
        }
    }
    made = api.made(
        jobs, {"metadata": {"name": "p"}, "spec": {"suspend": True, "template": template}}
    )
    spec = made["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (1, 1, 6)
    assert spec["completionMode"] == "NonIndexed"


IGNORE = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
FAIL = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 3]}}


def test_a_pod_failure_policy_gets_its_defaults(api, jobs):
    made = api.made(jobs, job(podFailurePolicy={"rules": [IGNORE, FAIL]}))
    assert made["spec"]["podReplacementPolicy"] == "Failed"
    (condition,) = made["spec"]["podFailurePolicy"]["rules"][0]["onPodConditions"]
    assert condition["status"] == "True"


POLICY = "spec.podFailurePolicy.rules[0]"
BAD = {
    "restarts": (
        {},
        {"restartPolicy": "Always"},
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ),
    "no completions": (
        {"completions": None},
        {},
        "spec.completions: Required value: when completion mode is Indexed",
    ),
    "limit without index": (
        {"completionMode": "NonIndexed"},
        {},
        "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
    ),
    "policy that restarts": (
        {"podFailurePolicy": {"rules": [FAIL]}},
        {"restartPolicy": "OnFailure"},
        (
            'spec.template.spec.restartPolicy: Invalid value: "OnFailure": '
            'only "Never" is supported when podFailurePolicy is specified'
        ),
    ),
    "rule without condition": (
        {"podFailurePolicy": {"rules": [{"action": "FailJob"}]}},
        {},
        f"{POLICY}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
    ),
    "exit code zero": (
        {
            "podFailurePolicy": {
                "rules": [{**FAIL, "onExitCodes": {"operator": "In", "values": [0]}}]
            }
        },
        {},
        f"{POLICY}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
    ),
    "unordered exit codes": (
        {
            "podFailurePolicy": {
                "rules": [{**FAIL, "onExitCodes": {"operator": "In", "values": [3, 2]}}]
            }
        },
        {},
        f"{POLICY}.onExitCodes.values: Invalid value: [3,2]: must be ordered",
    ),
    "unknown container": (
        {
            "podFailurePolicy": {
                "rules": [
                    {
                        **FAIL,
                        "onExitCodes": {"operator": "In", "values": [2], "containerName": "x"},
                    }
                ]
            }
        },
        {},
        (
            f'{POLICY}.onExitCodes.containerName: Invalid value: "x": '
            "must be one of the container or initContainer names in the pod template"
        ),
    ),
    "negative deadline": (
        {"activeDeadlineSeconds": -1},
        {},
        "spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
    ),
    "mount of nothing": (
        {},
        {
            "containers": [
                {
                    "name": "c",
                    "image": "busybox:1",
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                }
            ]
        },
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ),
    "own selector": (
        {"selector": {"matchLabels": {"a": "b"}}},
        {},
        "`selector` not auto-generated",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_job_is_refused(api, jobs, case):
    spec, pod_spec, text = BAD[case]
    assert text in refused(api.post(jobs, job(pod_spec=pod_spec, **spec)), 422, "Invalid")


def test_the_name_of_an_indexed_job_leaves_room_for_its_index(api, jobs):
    api.made(jobs, job("x" * 61, completions=10))
    answer = api.post(jobs, job("y" * 61, completions=11))
    message = refused(answer, 422, "Invalid")
    assert "will not able to create pod with invalid DNS label: " + "y" * 61 + "-10" in message


def test_what_makes_the_windows_cannot_change(api, jobs):
    api.made(jobs, job())
    for change, text in (
        ({"completions": 4}, "spec.completions: Invalid value: 4"),
        ({"completionMode": "NonIndexed"}, "spec.completionMode: Invalid value"),
        ({"backoffLimitPerIndex": 2}, "spec.backoffLimitPerIndex: Invalid value: 2"),
        ({"podFailurePolicy": {"rules": [IGNORE]}}, "spec.podFailurePolicy: Invalid value"),
    ):
        message = refused(api.patch(f"{jobs}/j", {"spec": change}), 422, "Invalid")
        assert text in message
        assert "field is immutable" in message or "in tandem" in message
    containers = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x:2"}]}}}}
    message = refused(api.patch(f"{jobs}/j", containers, STRATEGIC), 422, "Invalid")
    assert "field is immutable" in message
    assert ok(api.patch(f"{jobs}/j", {"spec": {"parallelism": 3}}))["metadata"]["generation"] == 2


def test_unknown_fields_of_pods_are_refused_strictly(api, pods):
    body = pod()
    body["spec"]["containers"][0]["imagee"] = "x"
    assert refused(api.post(pods, body, fieldValidation="Strict"), 400, "BadRequest") == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field '
        '"spec.containers[0].imagee"'
    )


def test_a_wrong_type_names_the_field(api, jobs):
    answer = api.post(jobs, job(parallelism="two"))
    assert refused(answer, 400, "BadRequest") == (
        'Job in version "v1" cannot be handled as a Job: json: cannot unmarshal string into Go '
        "struct field JobSpec.spec.parallelism of type int32"
    )


def test_quantities_are_written_one_way(api, pods):
    resources = {"limits": {"cpu": 0.5, "memory": "1024Mi", "ephemeral-storage": "1000m"}}
    container = {"name": "c", "image": "busybox:1", "resources": resources}
    made = api.made(pods, pod(containers=[container]))
    found = made["spec"]["containers"][0]["resources"]
    assert found["limits"] == {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1"}
    assert found["requests"] == found["limits"]
    assert made["status"]["qosClass"] == "Guaranteed"
    container["resources"] = {"limits": {"cpu": "much"}}
    message = refused(api.post(pods, pod("q", containers=[container])), 400, "BadRequest")
    assert "quantities must match the regular expression" in message


def test_a_pod_gets_its_defaults(api, pods):
    made = api.made(pods, pod(automountServiceAccountToken=False))
    spec = made["spec"]
    assert spec["restartPolicy"] == "Always"
    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["schedulerName"] == "default-scheduler"
    assert [t["key"] for t in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert made["status"]["phase"] == "Pending"


def test_the_spec_of_a_pod_hardly_changes(api, pods):
    api.made(pods, pod())
    change = {"spec": {"restartPolicy": "Never"}}
    message = refused(api.patch(f"{pods}/p", change), 422, "Invalid")
    assert "pod updates may not change fields other than" in message
    ok(api.patch(f"{pods}/p", {"spec": {"activeDeadlineSeconds": 10}}))


def test_labels_of_a_pod_may_change_through_its_status(api, pods):
    api.made(pods, pod())
    body = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"nodeName": "nowhere"},
        "status": {"phase": "Running"},
    }
    patched = ok(api.patch(f"{pods}/p/status", body))
    assert patched["metadata"]["labels"] == {"a": "b"}
    assert "nodeName" not in patched["spec"]
    assert patched["status"]["phase"] == "Running"
    assert ok(api.patch(f"{pods}/p", {"status": {"phase": "Failed"}}))["status"]["phase"] == (
        "Running"
    )


def test_a_pod_is_bound_once(api, pods):
    api.made(pods, pod())
    body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "somewhere"}}
    ok(api.post(f"{pods}/p/binding", body), 201)
    bound = api.read(f"{pods}/p")
    assert bound["spec"]["nodeName"] == "somewhere"
    assert ("PodScheduled", "True") in {
        (c["type"], c["status"]) for c in bound["status"]["conditions"]
    }
    message = refused(api.post(f"{pods}/p/binding", body), 409, "Conflict")
    assert 'pod p is already assigned to node "somewhere"' in message


def test_a_job_ends_in_order(api, jobs):
    api.made(jobs, job())
    done = [{"type": "Complete", "status": "True"}]
    ended = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z"}
    answer = api.patch(f"{jobs}/j/status", {"status": {**ended, "conditions": done}})
    assert "without the SuccessCriteriaMet=true condition" in refused(answer, 422, "Invalid")
    wrong = {"status": {"completedIndexes": "0-7"}}
    message = refused(api.patch(f"{jobs}/j/status", wrong), 422, "Invalid")
    assert 'too large index: "7"' in message
