"""Writes: versions, patches, preconditions, dry run, finalizers, names."""

import pytest

from support.kube import (
    CORE,
    JOBS,
    JSON,
    STRATEGIC,
    config_map,
    eventually,
    job,
    ok,
    pod,
    refused,
)


@pytest.fixture
def maps(namespace):
    return f"{CORE}/{namespace}/configmaps"


def test_the_system_fills_in_metadata(api, maps, namespace):
    made = api.made(maps, config_map("a", uid="mine", creationTimestamp="2020-01-01T00:00:00Z"))
    meta = made["metadata"]
    assert meta["namespace"] == namespace
    assert meta["uid"] != "mine"
    assert not meta["creationTimestamp"].startswith("2020")
    assert meta["resourceVersion"].isdigit()


def test_a_name_is_taken_once(api, maps):
    api.made(maps, config_map("a"))
    message = refused(api.post(maps, config_map("a")), 409, "AlreadyExists")
    assert message == 'configmaps "a" already exists'


def test_a_generated_name_begins_as_asked(api, maps):
    made = [api.made(maps, {"metadata": {"generateName": "gen-"}}) for _ in range(2)]
    names = {item["metadata"]["name"] for item in made}
    assert len(names) == 2
    assert all(name.startswith("gen-") and len(name) == 9 for name in names)


def test_a_stale_replacement_conflicts(api, maps):
    first = api.made(maps, config_map("a"))
    fresh = ok(api.put(f"{maps}/a", {**first, "data": {"key": "new"}}))
    message = refused(api.put(f"{maps}/a", {**first, "data": {"key": "late"}}), 409, "Conflict")
    assert message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please '
        "apply your changes to the latest version and try again"
    )
    assert api.read(f"{maps}/a") == fresh


def test_a_write_that_changes_nothing_is_no_write(api, maps):
    made = api.made(maps, config_map("a"))
    same = ok(api.patch(f"{maps}/a", {"data": {"key": "value"}}))
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_patch_may_carry_a_version(api, maps):
    made = api.made(maps, config_map("a"))
    version = made["metadata"]["resourceVersion"]
    body = {"metadata": {"resourceVersion": version}, "data": {"x": "1"}}
    assert ok(api.patch(f"{maps}/a", body))["data"] == {"key": "value", "x": "1"}
    refused(api.patch(f"{maps}/a", body | {"data": {"x": "2"}}), 409, "Conflict")


def test_json_patch(api, maps):
    api.made(maps, config_map("a", labels={"a/b": "c"}))
    operations = [
        {"op": "test", "path": "/metadata/labels/a~1b", "value": "c"},
        {"op": "replace", "path": "/metadata/labels/a~1b", "value": "d"},
        {"op": "add", "path": "/data/new", "value": "1"},
        {"op": "copy", "from": "/data/new", "path": "/data/copy"},
        {"op": "move", "from": "/data/key", "path": "/data/moved"},
        {"op": "remove", "path": "/data/new"},
    ]
    patched = ok(api.patch(f"{maps}/a", operations, JSON))
    assert patched["data"] == {"copy": "1", "moved": "value"}
    assert patched["metadata"]["labels"] == {"a/b": "d"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/key", "value": "other"},
        {"op": "remove", "path": "/data/nothing"},
        {"op": "add", "path": "/not/there", "value": 1},
    ],
)
def test_a_json_patch_that_does_not_apply_changes_nothing(api, maps, operation):
    made = api.made(maps, config_map("a"))
    first = {"op": "add", "path": "/data/first", "value": "1"}
    answer = api.patch(f"{maps}/a", [first, operation], JSON)
    message = refused(answer, 422, "Invalid")
    assert message == "the server rejected our request due to an error in our request"
    assert api.read(f"{maps}/a") == made


def test_merge_patch_removes_by_null(api, maps):
    api.made(maps, {**config_map("a"), "data": {"a": "1", "b": "2"}})
    assert ok(api.patch(f"{maps}/a", {"data": {"a": None}}))["data"] == {"b": "2"}


def test_strategic_patch_merges_lists_by_key(api, namespace):
    pods = f"{CORE}/{namespace}/pods"
    two = [{"name": "c", "image": "busybox:1"}, {"name": "d", "image": "busybox:1"}]
    api.made(pods, pod("p", containers=two))
    patch = {"spec": {"containers": [{"name": "d", "image": "busybox:2"}]}}
    patched = ok(api.patch(f"{pods}/p", patch, STRATEGIC))
    images = {c["name"]: c["image"] for c in patched["spec"]["containers"]}
    assert images == {"c": "busybox:1", "d": "busybox:2"}
    for status in ("False", "True"):
        body = {"status": {"conditions": [{"type": "Ready", "status": status}]}}
        reported = ok(api.patch(f"{pods}/p/status", body, STRATEGIC))
    assert [c["status"] for c in reported["status"]["conditions"] if c["type"] == "Ready"] == [
        "True"
    ]


def test_strategic_patch_deletes_by_directive(api, maps):
    finalizers = ["example.com/a", "example.com/b"]
    api.made(maps, config_map("a", finalizers=finalizers))
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}}
    patched = ok(api.patch(f"{maps}/a", patch, STRATEGIC))
    assert patched["metadata"]["finalizers"] == ["example.com/b"]
    api.patch(f"{maps}/a", {"metadata": {"finalizers": None}})


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"metadata": {"name": "b"}}, 400, "does not match the name on the URL"),
        ({"metadata": {"namespace": "other"}}, 400, "does not match the namespace"),
        ({"metadata": {"uid": "other"}}, 422, "metadata.uid: Invalid value"),
        ({"data": {"key": 5}}, 422, "cannot unmarshal number"),
        ({"metadata": {"labels": {"a": "not a value"}}}, 422, "metadata.labels: Invalid value"),
    ],
)
def test_a_bad_patch_says_what_is_wrong(api, maps, change, code, text):
    api.made(maps, config_map("a"))
    answer = api.patch(f"{maps}/a", change)
    assert text in refused(answer, code, "BadRequest" if code == 400 else "Invalid")


def test_dry_run_answers_and_keeps_nothing(api, maps):
    ok(api.post(maps, config_map("a"), dryRun="All"), 201)
    refused(api.get(f"{maps}/a"), 404, "NotFound")
    api.made(maps, config_map("b"))
    assert ok(api.patch(f"{maps}/b", {"data": {"x": "y"}}, dryRun="All"))["data"]["x"] == "y"
    ok(api.delete(f"{maps}/b", dryRun="All"))
    assert api.read(f"{maps}/b")["data"] == {"key": "value"}


def test_a_deletion_may_name_its_object(api, maps):
    made = api.made(maps, config_map("a"))
    for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
        answer = api.delete(f"{maps}/a", {"preconditions": wrong})
        assert "in the precondition" in refused(answer, 409, "Conflict")
    right = {"uid": made["metadata"]["uid"]}
    status = ok(api.delete(f"{maps}/a", {"preconditions": right}))
    assert status["status"] == "Success"
    assert status["details"]["uid"] == made["metadata"]["uid"]


def test_finalizers_hold_a_deletion_back(api, maps):
    api.made(maps, config_map("a", finalizers=["example.com/a"]))
    marked = ok(api.delete(f"{maps}/a"))
    stamp = marked["metadata"]["deletionTimestamp"]
    assert ok(api.delete(f"{maps}/a"))["metadata"]["deletionTimestamp"] == stamp
    more = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}
    message = refused(api.patch(f"{maps}/a", more), 422, "Invalid")
    assert "no new finalizers can be added if the object is being deleted" in message
    ok(api.patch(f"{maps}/a", {"metadata": {"finalizers": None}}))
    refused(api.get(f"{maps}/a"), 404, "NotFound")


def test_a_collection_is_deleted_by_selector(api, maps):
    for name, value in (("a", "1"), ("b", "1"), ("c", "2")):
        api.made(maps, config_map(name, labels={"x": value}))
    ok(api.delete(maps, labelSelector="x=1"))
    assert api.names(maps) == ["c"]


def test_pods_go_gracefully_once_a_node_has_them(api, namespace):
    pods = f"{CORE}/{namespace}/pods"
    api.made(pods, pod("fresh"))
    ok(api.delete(f"{pods}/fresh"))
    refused(api.get(f"{pods}/fresh"), 404, "NotFound")
    api.made(pods, pod("bound", nodeName="nowhere", terminationGracePeriodSeconds=7))
    marked = ok(api.delete(f"{pods}/bound"))
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 7
    ok(api.delete(f"{pods}/bound", {"gracePeriodSeconds": 0}))
    eventually(lambda: api.get(f"{pods}/bound").status_code == 404, "the pod is gone")


def test_a_namespace_that_is_not_there_takes_nothing(api):
    answer = api.post(f"{CORE}/not-there/configmaps", config_map("a"))
    assert refused(answer, 404, "NotFound") == 'namespaces "not-there" not found'


@pytest.mark.parametrize(
    ("body", "code", "reason", "text"),
    [
        ({"metadata": {}}, 422, "Invalid", "name or generateName is required"),
        (config_map("Upper_Case"), 422, "Invalid", "a lowercase RFC 1123 subdomain"),
        (config_map("a", namespace="other"), 400, "BadRequest", "does not match the namespace"),
        ({"metadata": {"name": "a"}, "data": {"a b": "c"}}, 422, "Invalid", "data[a b]"),
        ({"metadata": {"name": "a"}, "data": "text"}, 400, "BadRequest", "cannot unmarshal"),
        (config_map("a", finalizers=["x"]), 422, "Invalid", "fully qualified"),
        (config_map("a", annotations={"a": "x" * 300_000}), 422, "Invalid", "Too long"),
    ],
)
def test_a_bad_object_says_what_is_wrong(api, maps, body, code, reason, text):
    assert text in refused(api.post(maps, body), code, reason)


def test_a_lease_is_created_by_its_first_update_and_keeps_microseconds(api, namespace):
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    renewed = "2026-01-31T12:00:00.123456Z"
    spec = {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": renewed}
    made = ok(api.put(f"{leases}/l", {"metadata": {"name": "l"}, "spec": spec}), 201)
    assert made["spec"] == spec
    wrong = {"spec": {"renewTime": "2026-01-31T12:00:00Z"}}
    assert "parsing time" in refused(api.patch(f"{leases}/l", wrong), 422, "Invalid")
    refused(api.put(f"{leases}/l", {"metadata": {"name": "l"}, "spec": spec}), 422, "Invalid")


def test_a_secret_is_base64_and_folds_in_plain_text(api, namespace):
    secrets = f"{CORE}/{namespace}/secrets"
    body = {"metadata": {"name": "s"}, "stringData": {"plain": "text"}, "data": {"b": "Yg=="}}
    made = api.made(secrets, body)
    assert made["data"] == {"plain": "dGV4dA==", "b": "Yg=="}
    assert made["type"] == "Opaque"
    broken = {"metadata": {"name": "t"}, "data": {"b": "no base64"}}
    assert "illegal base64" in refused(api.post(secrets, broken), 400, "BadRequest")


def test_events_have_two_faces(api, namespace):
    new = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    body = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "namespace": namespace, "name": "p"},
        "reason": "Tested",
        "note": "all is well",
        "type": "Normal",
        "eventTime": "2026-01-31T12:00:00.123456Z",
        "action": "Testing",
        "reportingController": "synclog.dev/operator",
        "reportingInstance": "one",
    }
    api.made(new, body)
    old = api.read(f"{CORE}/{namespace}/events/e")
    assert (old["message"], old["reportingComponent"]) == ("all is well", "synclog.dev/operator")
    assert old["involvedObject"]["name"] == "p"
    found = api.names(f"{CORE}/{namespace}/events", fieldSelector="involvedObject.name=p")
    assert found == ["e"]
    series = {"series": {"count": 2, "lastObservedTime": "2026-01-31T12:00:01.000000Z"}}
    assert ok(api.patch(f"{new}/e", series))["series"]["count"] == 2
    refused(api.patch(f"{new}/e", {"note": "rewritten"}), 422, "Invalid")
    missing = {key: value for key, value in body.items() if key != "action"}
    answer = api.post(new, {**missing, "metadata": {"name": "f"}})
    assert "action: Required value" in refused(answer, 422, "Invalid")


def test_a_deleted_job_leaves_its_pods_unless_told_otherwise(api, namespace):
    jobs = f"{JOBS}/{namespace}/jobs"
    api.made(jobs, job())
    answer = api.delete(f"{jobs}/j")
    assert "child pods are preserved by default" in answer.headers["Warning"]
    assert "orphan" in ok(answer)["metadata"]["finalizers"]
    eventually(lambda: api.get(f"{jobs}/j").status_code == 404, "the Job is gone")


def test_an_empty_value_in_a_map_of_texts_is_an_empty_text(api, maps):
    """YAML's ``key:`` is null."""
    made = api.made(maps, config_map("a", labels={"a": None}, annotations={"b": None}))
    assert made["metadata"]["labels"] == {"a": ""}
    assert made["metadata"]["annotations"] == {"b": ""}


def test_what_is_empty_in_metadata_is_left_out(api, maps):
    made = api.made(maps, config_map("a", labels={}, annotations={}, finalizers=["x.example/y"]))
    assert not {"labels", "annotations", "ownerReferences"} & made["metadata"].keys()
    freed = ok(api.patch(f"{maps}/a", {"metadata": {"finalizers": []}}))
    assert "finalizers" not in freed["metadata"]


@pytest.mark.parametrize(
    ("owner", "text"),
    [
        ({"apiVersion": "a/b/c"}, "version must not be empty"),
        ({"kind": "Event"}, "/v1, Kind=Event is disallowed from being an owner"),
    ],
)
def test_some_owners_are_refused(api, maps, owner, text):
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u", **owner}
    answer = api.post(maps, config_map("a", ownerReferences=[reference]))
    assert text in refused(answer, 422, "Invalid")


def test_only_a_deletion_sets_the_time_of_deletion(api, maps):
    stamp = "2026-01-01T00:00:00Z"
    assert "deletionTimestamp" not in api.made(maps, config_map("a", deletionTimestamp=stamp))
    for change in ({"deletionTimestamp": stamp}, {"deletionGracePeriodSeconds": 5}):
        message = refused(api.patch(f"{maps}/a", {"metadata": change}), 422, "Invalid")
        assert "field is immutable" in message


def test_a_deletion_is_told_by_its_body_or_else_by_its_query(api, maps):
    api.made(maps, config_map("a"))
    both = {"propagationPolicy": "Orphan", "orphanDependents": True}
    message = refused(api.delete(f"{maps}/a", both), 422, "Invalid")
    assert "orphanDependents and deletionPropagation cannot be both set" in message
    ok(api.delete(f"{maps}/a", {"gracePeriodSeconds": 0}, dryRun="All"))
    refused(api.get(f"{maps}/a"), 404, "NotFound")


def test_replacing_past_the_fields_of_an_object_adds_one(api, maps):
    """The minus sign is the end of a list, and an ordinary name in an object."""
    api.made(maps, config_map("a"))
    operation = {"op": "replace", "path": "/data/-", "value": "1"}
    assert ok(api.patch(f"{maps}/a", [operation], JSON))["data"] == {"key": "value", "-": "1"}
    for wrong in ({"op": "remove", "path": ""}, {"op": "unknown"}):
        refused(api.patch(f"{maps}/a", [wrong], JSON), 422, "Invalid")
