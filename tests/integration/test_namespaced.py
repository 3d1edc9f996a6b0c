"""An operator that serves some namespaces needs no rights in any other, as the overlay has it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from devcluster import install
from devcluster.client import Client, load_kubeconfig
from support.product import Api

OVERLAY = install.ROOT / "deploy" / "overlays" / "namespaced"
SERVED, OTHER = "team-a", "team-b"
PERSONAL = {"ServiceAccount", "RoleBinding", "ClusterRoleBinding"}
"""Kinds of objects that are made anew for an account of the test's own."""


@pytest.fixture(scope="module")
def overlay():
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [kubectl, "kustomize", OVERLAY]
    built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(built))


@pytest.fixture
def confined(overlay, world, tmp_path):
    """The kubeconfig of an account with the overlay's rights for the world's namespace only."""
    account = f"operator-of-{world.namespace}"

    async def grant():
        async with Client(load_kubeconfig(world.cluster.kubeconfig), "tests") as client:
            for document in overlay:
                kind, metadata = document["kind"], document["metadata"]
                if kind not in PERSONAL or metadata.get("namespace") == OTHER:
                    continue
                own = {**document, "metadata": {**metadata, "name": account}}
                if metadata.get("namespace") == SERVED:
                    own["metadata"]["namespace"] = world.namespace
                for subject in own.get("subjects", ()):
                    own["subjects"] = [{**subject, "name": account}]
                await install.apply(client, install.KINDS[kind], own)
            return await install.operator_token(client, account)

    token = asyncio.run(grant())
    yield install.write_kubeconfig(tmp_path / "confined", world.cluster.kubeconfig, token)
    for kind in ("rolebindings", "serviceaccounts"):
        world.api.delete(kind, install.NAMESPACE, account)


def test_rights_and_namespaces_are_named_alike(overlay):
    bound = {
        document["metadata"]["namespace"]
        for document in overlay
        if document["kind"] == "RoleBinding" and document["roleRef"]["kind"] == "ClusterRole"
    }
    (deployment,) = [document for document in overlay if document["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    served = {each["name"]: each.get("value") for each in container["env"]}
    assert set(served["SYNCLOG_OPERATOR_NAMESPACES"].split(",")) == bound
    assert "SYNCLOG_OPERATOR_IMAGE" in served


def test_it_exports_with_rights_in_its_namespace_only(world, confined, eventually):
    operator = world.operator(kubeconfig=confined).leads()
    world.create(schedule="* * * * *")
    world.complete()
    world.prove()
    eventually(
        lambda: any(
            event["reason"] == "RunSucceeded" for event in world.api.list("events", world.namespace)
        ),
        "it tells of the run",
    )
    world.api.delete("jobs", world.namespace, world.jobs()[0]["metadata"]["name"])
    world.answered("again")
    assert not [line for line in operator.lines() if line["level"] in {"warning", "error"}]
    assert operator.stop() == 0


def test_its_account_has_no_rights_elsewhere(world, confined):
    api = Api(confined)
    jobs = f"/apis/batch/v1/namespaces/{world.namespace}/jobs"
    with api.http:
        assert api.send("GET", jobs).status_code == 200
        for path in ("/apis/batch/v1/jobs", f"/api/v1/namespaces/{world.namespace}/secrets"):
            assert api.send("GET", path).status_code == 403
