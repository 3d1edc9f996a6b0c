"""An embedded API server of the tests' own, whatever cluster the environment names."""

import pytest

from devcluster.cluster import Cluster
from support.kube import Api


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A running server."""
    with Cluster("embedded", tmp_path_factory.mktemp("server")) as cluster:
        cluster.launch()
        yield cluster


@pytest.fixture
def api(server):
    """Requests as the administrator; fault switches are cleared afterwards."""
    api = Api(server)
    yield api
    api.delete("/_faults")
    api.close()
