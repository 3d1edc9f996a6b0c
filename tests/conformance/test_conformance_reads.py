"""Reads: selectors, pages, versions, forms, and refusals of what is not there."""

import pytest

from support.kube import (
    CORE,
    EXPORTS,
    JOBS,
    TABLE,
    config_map,
    export,
    job,
    ok,
    pod,
    refused,
)

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@pytest.fixture
def maps(api, namespace):
    path = f"{CORE}/{namespace}/configmaps"
    for name, labels in (
        ("a", {"tier": "front", "app": "x"}),
        ("b", {"tier": "back"}),
        ("c", {"app": "x"}),
        ("d", {}),
    ):
        api.made(path, config_map(name, labels=labels))
    return path


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=x", ["a", "c"]),
        ("app==x,tier=front", ["a"]),
        ("app!=x", ["b", "d"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c", "d"]),
        ("tier in (front, back)", ["a", "b"]),
        ("tier notin (front)", ["b", "c", "d"]),
        ("tier in (front),app", ["a"]),
        ("", ["a", "b", "c", "d"]),
    ],
)
def test_label_selectors(api, maps, selector, names):
    assert api.names(maps, labelSelector=selector) == names


def test_field_selectors(api, maps, namespace):
    assert api.names(maps, fieldSelector="metadata.name=b") == ["b"]
    assert api.names(maps, fieldSelector="metadata.name!=b") == ["a", "c", "d"]
    everywhere = "/api/v1/configmaps"
    field = f"metadata.namespace={namespace},metadata.name=a"
    assert api.names(everywhere, fieldSelector=field) == ["a"]
    pods = f"{CORE}/{namespace}/pods"
    api.made(pods, pod("here", nodeName="one"))
    api.made(pods, pod("there"))
    assert api.names(pods, fieldSelector="spec.nodeName=one,status.phase=Pending") == ["here"]
    assert api.names(pods, fieldSelector="spec.nodeName=") == ["there"]


@pytest.mark.parametrize(
    "query",
    [
        {"labelSelector": "a in (b"},
        {"labelSelector": "a in (b c)"},
        {"labelSelector": "a/b/c=d"},
        {"labelSelector": f"a={'x' * 64}"},
        {"fieldSelector": "spec.x=1"},
    ],
)
def test_a_bad_selector_is_refused(api, maps, query):
    refused(api.get(maps, **query), 400, "BadRequest")


def test_pages_are_one_list(api, maps):
    first = api.read(maps, limit="2", labelSelector="!nothing")
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    api.made(maps, config_map("bb"))
    ok(api.delete(f"{maps}/d"))
    token = first["metadata"]["continue"]
    rest = api.read(maps, **{"continue": token, "labelSelector": "!nothing"})
    names = [item["metadata"]["name"] for item in rest["items"]]
    assert [name for name in names if not name.endswith("ca.crt")] == ["c", "d"]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert not rest["metadata"].get("continue")


def test_a_page_counts_what_remains(api, namespace):
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    for number in range(5):
        api.made(leases, {"metadata": {"name": f"l{number}"}})
    listed = api.read(leases, limit="2")
    assert listed["metadata"]["remainingItemCount"] == 3
    assert "remainingItemCount" not in api.read(leases, limit="9")["metadata"]


def test_a_list_at_an_exact_version_shows_the_past(api, maps):
    before = api.read(maps)["metadata"]["resourceVersion"]
    ok(api.delete(f"{maps}/a"))
    exact = {"resourceVersion": before, "resourceVersionMatch": "Exact"}
    assert api.names(maps, **exact) == ["a", "b", "c", "d"]
    assert api.names(maps, resourceVersion=before) == ["b", "c", "d"]


def test_the_future_cannot_be_listed(api, maps):
    answer = api.get(maps, resourceVersion="999999999")
    assert "Too large resource version" in refused(answer, 504, "Timeout")
    assert ok(answer, 504)["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_lists_of_built_in_kinds_name_the_kind_once(api, crd, maps, namespace):
    listed = api.read(maps)
    assert listed["kind"] == "ConfigMapList"
    assert all("kind" not in item for item in listed["items"])
    exports = f"{EXPORTS}/{namespace}/synclogexports"
    api.made(exports, export())
    listed = api.read(exports)
    assert listed["kind"] == "SyncLogExportList"
    assert [item["kind"] for item in listed["items"]] == ["SyncLogExport"]


def test_metadata_alone(api, maps):
    shown = ok(api.get(f"{maps}/a", METADATA))
    assert shown["kind"] == "PartialObjectMetadata"
    assert shown["metadata"]["labels"] == {"tier": "front", "app": "x"}
    assert "data" not in shown


def test_the_columns_of_an_export(api, crd, namespace):
    exports = f"{EXPORTS}/{namespace}/synclogexports"
    api.made(exports, export())
    status = {
        "summary": "Ready",
        "coveredUntil": "2020-01-01T00:00:00Z",
        "next": "2099-01-01 00:00",
        "coverage": {"gapCount": 2},
    }
    ok(api.patch(f"{exports}/export/status", {"status": status}))
    table = ok(api.get(exports, TABLE))
    columns = {c["name"]: i for i, c in enumerate(table["columnDefinitions"])}
    priorities = {c["name"]: c["priority"] for c in table["columnDefinitions"]}
    (row,) = table["rows"]
    assert table["kind"] == "Table"
    assert row["cells"][columns["Name"]] == "export"
    assert row["cells"][columns["Suspend"]] is False
    assert row["cells"][columns["Status"]] == "Ready"
    assert row["cells"][columns["Gaps"]] == 2
    assert row["cells"][columns["Covered-Until"]].endswith(("y", "d"))
    assert row["cells"][columns["Last-Result"]] is None
    assert priorities["Status"] == 0
    assert priorities["Destination"] == 1
    assert row["object"]["kind"] == "PartialObjectMetadata"


def test_the_columns_of_a_job(api, namespace):
    jobs = f"{JOBS}/{namespace}/jobs"
    api.made(jobs, job())
    table = ok(api.get(f"{jobs}/j", TABLE))
    names = [c["name"] for c in table["columnDefinitions"] if not c["priority"]]
    assert names == ["Name", "Status", "Completions", "Duration", "Age"]
    assert table["rows"][0]["cells"][2] == "0/3"


def test_what_is_not_there(api, crd, namespace):
    maps = f"{CORE}/{namespace}/configmaps"
    exports = f"{EXPORTS}/{namespace}/synclogexports"
    assert refused(api.get(f"{maps}/x"), 404, "NotFound") == 'configmaps "x" not found'
    assert refused(api.get(f"{exports}/x"), 404, "NotFound") == (
        'synclogexports.synclog.dev "x" not found'
    )
    assert refused(api.get(f"{maps}/x/nothing"), 404, "NotFound") == (
        "the server could not find the requested resource"
    )
    for path in ("/apis/not.served/v1", "/apis/not.served/v1/things", "/nothing"):
        answer = api.get(path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_what_cannot_be_done(api, namespace):
    maps = f"{CORE}/{namespace}/configmaps"
    refused(api.put(maps, config_map("a")), 405, "MethodNotAllowed")
    refused(api.post("/api/v1/configmaps", config_map("a")), 405, "MethodNotAllowed")
    refused(api.get(maps, "text/html"), 406, "NotAcceptable")
    text = api.http.post(maps, content="a", headers={"Content-Type": "text/plain"})
    refused(text, 415, "UnsupportedMediaType")
    refused(api.patch(f"{maps}/a", {}, "text/plain"), 415, "UnsupportedMediaType")


def test_yaml_bodies_are_read(api, namespace):
    body = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: from-yaml}\ndata: {a: b}\n"
    headers = {"Content-Type": "application/yaml"}
    path = f"{CORE}/{namespace}/configmaps"
    assert ok(api.http.post(path, content=body, headers=headers), 201)["data"] == {"a": "b"}


def test_discovery_has_two_forms(api, crd):
    wanted = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    groups = {group["metadata"]["name"]: group for group in ok(api.get("/apis", wanted))["items"]}
    (resource,) = groups["synclog.dev"]["versions"][0]["resources"]
    assert resource["shortNames"] == ["sle"]
    assert resource["subresources"][0]["subresource"] == "status"
    names = {group["name"] for group in api.read("/apis")["groups"]}
    assert {"batch", "coordination.k8s.io", "synclog.dev"} <= names
    listed = api.read("/apis/batch/v1")["resources"]
    assert {"jobs", "jobs/status", "cronjobs"} <= {entry["name"] for entry in listed}
    assert api.read("/api")["versions"] == ["v1"]
    assert api.read("/version")["major"] == "1"


def test_openapi_describes_our_fields(api, crd):
    paths = api.read("/openapi/v3")["paths"]
    document = api.read(paths["apis/synclog.dev/v1beta1"]["serverRelativeURL"].partition("?")[0])
    schemas = document["components"]["schemas"]
    (ours,) = (
        schema
        for schema in schemas.values()
        if any(
            gvk["kind"] == "SyncLogExport"
            for gvk in schema.get("x-kubernetes-group-version-kind") or ()
        )
    )
    spec = ours["properties"]["spec"]["properties"]
    assert spec["range"]["description"] == "Which part of it is exported."
    assert spec["parallelism"]["default"] == 2
