"""The small parts: patches, selectors, paths, ages, the store, protobuf bodies."""

import pytest

from devcluster.apiserver.errors import ApiError
from devcluster.apiserver.kinds.columns import duration
from devcluster.apiserver.kinds.jsonpath import JsonPathError, compile_path
from devcluster.apiserver.patching import json_patch, merge_patch, strategic_merge_patch
from devcluster.apiserver.schema.models import node_of
from devcluster.apiserver.selectors import matches_label_selector, parse_labels
from devcluster.apiserver.serving.protobuf import read_protobuf
from devcluster.apiserver.serving.request import parse_request
from devcluster.apiserver.storage.store import ChangeType, Key, Store


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": {"b": "c"}}, {"a": {"d": None}}, {"a": {"b": "c"}}),
        ({"a": [1]}, {"a": [2, 3]}, {"a": [2, 3]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        (["a"], {"a": "b"}, {"a": "b"}),
    ],
)
def test_merge_patch_by_rfc_7386(target, patch, result):
    assert merge_patch(target, patch) == result


def test_json_patch_inserts_and_appends():
    operations = [
        {"op": "add", "path": "/a/0", "value": 0},
        {"op": "add", "path": "/a/-", "value": 9},
        {"op": "remove", "path": "/a/1"},
        {"op": "add", "path": "/b~1c", "value": {"d": 1}},
    ]
    assert json_patch({"a": [1, 2]}, operations) == {"a": [0, 2, 9], "b/c": {"d": 1}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/a/7", "value": 0},
        {"op": "replace", "path": "/nothing", "value": 0},
        {"op": "shuffle", "path": "/a"},
        {"op": "add", "path": "a", "value": 0},
    ],
)
def test_json_patch_refuses(operation):
    with pytest.raises(ApiError):
        json_patch({"a": [1, 2]}, [operation])


def strategic(target, patch):
    return strategic_merge_patch(node_of("V1Pod").properties["spec"], target, patch)


def test_strategic_patch_orders_and_deletes_entries():
    target = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}
    patch = {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}],
        "containers": [{"name": "c", "image": "3"}, {"name": "a", "$patch": "delete"}],
    }
    assert strategic(target, patch)["containers"] == [
        {"name": "c", "image": "3"},
        {"name": "b", "image": "1"},
    ]


def test_strategic_patch_replaces_what_has_no_key_and_what_says_so():
    target = {"tolerations": [{"key": "a"}], "nodeSelector": {"a": "1"}}
    patch = {"tolerations": [{"key": "b"}], "nodeSelector": {"$patch": "replace", "b": "2"}}
    assert strategic(target, patch) == {
        "tolerations": [{"key": "b"}],
        "nodeSelector": {"b": "2"},
    }
    with pytest.raises(ApiError, match="merge key"):
        strategic({}, {"containers": [{"image": "1"}]})


def test_selector_objects():
    selector = {
        "matchLabels": {"a": "1"},
        "matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["x"]}],
    }
    assert matches_label_selector(selector, {"a": "1"})
    assert not matches_label_selector(selector, {"a": "1", "b": "x"})


@pytest.mark.parametrize("text", ["a in (b", "=b", "a b", "a,,b"])
def test_bad_selectors(text):
    with pytest.raises(ApiError):
        parse_labels(text)


DOCUMENT = {
    "status": {
        "list": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}],
        "a.b": 1,
    }
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".status.list[0].type", ["Ready"]),
        (".status.list[-1].type", ["Other"]),
        (".status.list[*].status", ["True", "False"]),
        ('.status.list[?(@.type=="Ready")].status', ["True"]),
        (r".status.a\.b", [1]),
        (".status['a.b']", [1]),
        (".status.nothing.at.all", []),
    ],
)
def test_paths_of_columns(path, found):
    assert list(compile_path(path)(DOCUMENT)) == found


@pytest.mark.parametrize("path", ["status", ".status[", "{.status}"])
def test_bad_paths_of_columns(path):
    with pytest.raises(JsonPathError):
        compile_path(path)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (121, "2m1s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (30 * 3600, "30h"),
        (3 * 86400 + 3600, "3d1h"),
        (30 * 86400, "30d"),
        (800 * 86400, "2y70d"),
    ],
)
def test_ages_as_kubectl_writes_them(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", {}, ("list", "", "pods", "", "")),
        ("GET", "/api/v1/pods", {"watch": "1"}, ("watch", "", "pods", "", "")),
        ("GET", "/api/v1/namespaces/a", {}, ("get", "a", "namespaces", "a", "")),
        ("PUT", "/api/v1/namespaces/a/status", {}, ("update", "a", "namespaces", "a", "status")),
        ("GET", "/api/v1/namespaces/a/pods/p/log", {}, ("get", "a", "pods", "p", "log")),
        (
            "DELETE",
            "/apis/batch/v1/namespaces/a/jobs",
            {},
            ("deletecollection", "a", "jobs", "", ""),
        ),
        (
            "GET",
            "/api/v1/namespaces/a/secrets",
            {"fieldSelector": "metadata.name=s"},
            ("list", "a", "secrets", "s", ""),
        ),
    ],
)
def test_requests_are_read_as_kubernetes_reads_them(method, path, query, expected):
    info = parse_request(method, path, query)
    assert (info.verb, info.namespace, info.resource, info.name, info.subresource) == expected


def obj(name):
    return {"metadata": {"name": name}}


def test_the_store_keeps_bounded_history():
    store = Store(history=2)
    for name in "abc":
        store.write(Key("things", "", name), obj(name))
    assert [change.key.name for change in store.changes_since("things", 1)] == ["b", "c"]
    with pytest.raises(ApiError) as refusal:
        store.changes_since("things", 0)
    assert refusal.value.code == 410


def test_the_store_shows_the_past():
    store = Store()
    key = Key("things", "", "a")
    store.write(key, obj("a"))
    store.write(Key("things", "", "b"), obj("b"))
    store.delete(key)
    assert [o["metadata"]["name"] for o in store.at("things", "", 2)] == ["a", "b"]
    assert [o["metadata"]["name"] for o in store.at("things", "", 1)] == ["a"]
    assert store.at("things", "", 0) == []


def test_changes_carry_both_states():
    store, seen = Store(), []
    store.listen("things", seen.append)
    key = Key("things", "", "a")
    first = store.write(key, obj("a"))
    store.write(key, obj("a"))
    store.delete(key)
    assert [change.type for change in seen] == [
        ChangeType.ADDED,
        ChangeType.MODIFIED,
        ChangeType.DELETED,
    ]
    assert seen[1].old is first
    assert seen[2].obj["metadata"]["resourceVersion"] == "3"


def test_protobuf_bodies_of_kubectl():
    # What `kubectl create configmap c --from-literal=a=b` sends.
    inner = b"\x0a\x03\x0a\x01c\x12\x06\x0a\x01a\x12\x01b"
    body = b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12" + bytes([len(inner)]) + inner
    assert read_protobuf(body) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "b"},
    }
    with pytest.raises(ApiError) as refusal:
        read_protobuf(b"k8s\x00\x0a\x0b\x0a\x02v1\x12\x05Thing")
    assert refusal.value.code == 415
    with pytest.raises(ApiError, match="cannot be read"):
        read_protobuf(b"k8s\x00\x0a\xff")
