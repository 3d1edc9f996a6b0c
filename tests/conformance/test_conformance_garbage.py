"""Garbage collection: who goes when an owner goes."""

import pytest

from support.kube import CORE, config_map, eventually, ok, pod, refused


@pytest.fixture
def maps(namespace):
    return f"{CORE}/{namespace}/configmaps"


def owned(name, *owners, **metadata):
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": True,
        }
        for owner in owners
    ]
    return config_map(name, ownerReferences=references, **metadata)


def until(api, maps, names):
    eventually(lambda: api.names(maps) == names, f"only {names} are left")


def test_background_takes_the_dependents_after_the_owner(api, maps):
    owner = api.made(maps, config_map("owner"))
    for name in ("one", "two"):
        api.made(maps, owned(name, owner))
    ok(api.delete(f"{maps}/owner"))
    until(api, maps, [])


def test_orphan_leaves_the_dependents_without_a_reference(api, maps):
    owner = api.made(maps, config_map("owner"))
    api.made(maps, owned("left", owner))
    ok(api.delete(f"{maps}/owner", {"propagationPolicy": "Orphan"}))
    until(api, maps, ["left"])
    eventually(
        lambda: not api.read(f"{maps}/left")["metadata"].get("ownerReferences"), "no reference"
    )


def test_foreground_keeps_the_owner_until_the_dependents_are_gone(api, maps):
    owner = api.made(maps, config_map("owner"))
    api.made(maps, owned("held", owner, finalizers=["example.com/held"]))
    marked = ok(api.delete(f"{maps}/owner", {"propagationPolicy": "Foreground"}))
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    eventually(lambda: api.read(f"{maps}/held")["metadata"].get("deletionTimestamp"), "marked too")
    assert api.names(maps) == ["held", "owner"]
    ok(api.patch(f"{maps}/held", {"metadata": {"finalizers": None}}))
    until(api, maps, [])


def test_an_object_of_two_owners_goes_with_the_last(api, maps):
    first, second = (api.made(maps, config_map(name)) for name in ("first", "second"))
    api.made(maps, owned("shared", first, second))
    ok(api.delete(f"{maps}/first"))

    def owners():
        references = api.read(f"{maps}/shared")["metadata"]["ownerReferences"]
        return [reference["name"] for reference in references]

    eventually(lambda: owners() == ["second"], "one reference is left")
    ok(api.delete(f"{maps}/second"))
    until(api, maps, [])


def test_an_owner_that_never_was_leaves_nothing(api, maps):
    ghost = {"metadata": {"name": "ghost", "uid": "11111111-2222-3333-4444-555555555555"}}
    api.made(maps, owned("child", ghost))
    until(api, maps, [])


def test_a_namespace_goes_with_all_that_is_in_it(api, maps, namespace):
    api.made(maps, config_map("held", finalizers=["example.com/held"]))
    api.made(maps, config_map("free"))
    marked = ok(api.delete(f"{CORE}/{namespace}"))
    assert marked["status"]["phase"] == "Terminating"
    until(api, maps, ["held"])
    message = refused(api.post(maps, config_map("late")), 403, "Forbidden")
    assert "because it is being terminated" in message
    ok(api.patch(f"{maps}/held", {"metadata": {"finalizers": None}}))
    path = f"{CORE}/{namespace}"
    eventually(lambda: api.get(path).status_code == 404, "the namespace is gone", 60)


def test_a_claim_in_use_is_kept(api, namespace):
    claims, pods = f"{CORE}/{namespace}/persistentvolumeclaims", f"{CORE}/{namespace}/pods"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = api.made(claims, {"metadata": {"name": "v"}, "spec": spec})
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "v"}}]
    container = {"name": "c", "image": "busybox:1"}
    body = {"metadata": {"name": "p"}, "spec": {"containers": [container], "volumes": volumes}}
    api.made(pods, body | {"spec": body["spec"] | {"nodeName": "nowhere"}})
    assert ok(api.delete(f"{claims}/v"))["metadata"]["deletionTimestamp"]
    ok(api.delete(f"{pods}/p", {"gracePeriodSeconds": 0}))
    eventually(lambda: api.get(f"{claims}/v").status_code == 404, "the claim is gone", 60)


def test_a_pod_that_is_deleted_before_a_node_has_it_fails(api, namespace):
    """Nobody else would say that it ended, to those who hold it by a finalizer."""
    pods = f"{CORE}/{namespace}/pods"
    body = pod(schedulerName="nobody")
    body["metadata"]["finalizers"] = ["example.com/held"]
    api.made(pods, body)
    ok(api.delete(f"{pods}/p"))
    eventually(lambda: api.read(f"{pods}/p")["status"]["phase"] == "Failed", "it failed", 60)
    ok(api.patch(f"{pods}/p", {"metadata": {"finalizers": None}}))
    refused(api.get(f"{pods}/p"), 404, "NotFound")
