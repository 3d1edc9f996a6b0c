"""A server that is killed and started again goes on where it stopped."""

import socket
import subprocess
import sys

import pytest

from devcluster.cluster import Cluster, read_connection
from support.kube import CORE, CRDS, EXPORTS, Api, config_map, eventually, export, ok
from synclog.api.crd import custom_resource_definition

MAPS = f"{CORE}/default/configmaps"


@pytest.fixture
def cluster(tmp_path):
    with Cluster("embedded", tmp_path) as cluster:
        cluster.launch()
        yield cluster


def restarted(cluster):
    cluster.stop()
    cluster.launch()


def test_objects_versions_tokens_and_the_address_survive(cluster):
    server = cluster.server
    api = Api(cluster)
    made = api.made(MAPS, config_map("kept"))
    api.made(MAPS, config_map("gone"))
    ok(api.delete(f"{MAPS}/gone"))
    accounts = f"{CORE}/default/serviceaccounts"
    token = ok(api.post(f"{accounts}/default/token", {"spec": {}}), 201)["status"]["token"]
    before = int(api.read(MAPS)["metadata"]["resourceVersion"])
    restarted(cluster)
    assert cluster.server == server
    assert api.read(f"{MAPS}/kept") == made
    assert api.names(MAPS) == ["kept"]
    assert int(api.read(MAPS)["metadata"]["resourceVersion"]) >= before
    assert api.as_user(token).get("/apis").is_success
    (event,) = api.events(MAPS, resourceVersion=made["metadata"]["resourceVersion"])
    assert event["object"]["code"] == 410
    api.close()


def test_definitions_are_served_again(cluster):
    api = Api(cluster)
    api.made(CRDS, custom_resource_definition())
    exports = f"{EXPORTS}/default/synclogexports"
    eventually(lambda: api.get(exports).is_success, "SyncLogExports are served")
    api.made(exports, export())
    restarted(cluster)
    assert api.names(exports) == ["export"]
    api.close()


def test_dependents_whose_owner_went_are_collected_after_the_start(tmp_path):
    with Cluster("embedded", tmp_path) as cluster:
        cluster.launch()
        api = Api(cluster)
        owner = api.made(MAPS, config_map("owner"))
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
        api.made(MAPS, config_map("child", ownerReferences=[reference]))
        cluster.stop()
        journal = tmp_path / "journal"
        lines = journal.read_bytes().splitlines(keepends=True)
        # As if the server had died right after the owner's deletion.
        version = int(owner["metadata"]["resourceVersion"]) + 100
        lines.append(f'[{version},["configmaps","default","owner"],null]\n'.encode())
        journal.write_bytes(b"".join(lines))
        cluster.launch()
        eventually(lambda: api.names(MAPS) == [], "the child is gone")
        api.close()


def test_a_kill_in_the_middle_of_a_line_loses_that_line_only(tmp_path):
    with Cluster("embedded", tmp_path) as cluster:
        cluster.launch()
        api = Api(cluster)
        api.made(MAPS, config_map("whole"))
        api.made(MAPS, config_map("torn"))
        cluster.stop()
        journal = tmp_path / "journal"
        journal.write_bytes(journal.read_bytes()[:-5])
        cluster.launch()
        assert api.names(MAPS) == ["whole"]
        api.close()


def test_a_server_does_not_outlive_who_started_it(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from devcluster.cluster import Cluster; "
        "Cluster('embedded', Path(sys.argv[1])).launch(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
    server = read_connection(tmp_path / "kubeconfig").server.removeprefix("https://")
    host, port = server.split(":")

    def gone():
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            return True
        return False

    eventually(gone, "the server has stopped")
