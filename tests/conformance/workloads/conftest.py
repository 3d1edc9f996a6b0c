"""A node whose retries come soon, and a namespace for each test."""

import uuid

import pytest

from devcluster.client import NAMESPACES, Client, load_kubeconfig
from devcluster.cluster import start_cluster
from devcluster.workloads import IMAGES, start_workloads
from support.workloads import Kube


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A cluster of its own: a node changes what becomes of everybody's pods."""
    with start_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def node(cluster, tmp_path_factory):
    """The workloads of the cluster: the Job controller where it lacks one, and a node."""
    directory = tmp_path_factory.mktemp("node")
    with start_workloads(
        cluster, directory, images=IMAGES, backoff_base=1, restart_delay=1
    ) as workloads:
        yield workloads


@pytest.fixture
async def kube(cluster, node):
    """Requests in a namespace of the test's own."""
    async with Client(load_kubeconfig(cluster.kubeconfig), "conformance") as client:
        name = f"workloads-{uuid.uuid4().hex[:8]}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.create(NAMESPACES, "", body)
        kube = Kube(client, name)
        await kube.account()
        yield kube
        await kube.drained()
        await client.delete(NAMESPACES, "", name)
