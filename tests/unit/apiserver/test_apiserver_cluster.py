"""Which cluster the environment names, and which are refused."""

import pytest
import yaml

from devcluster.cluster import ASSETS, CONTEXT, ClusterError, start_cluster, use_context


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.delenv(ASSETS, raising=False)
    monkeypatch.delenv(CONTEXT, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    names = ("kind-test", "production")
    document = {
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}"}} for name in names],
        "users": [{"name": name, "user": {"token": f"of {name}"}} for name in names],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
        "current-context": "production",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(document))


def test_a_test_context_is_used_and_nothing_else_is_copied(monkeypatch, tmp_path):
    monkeypatch.setenv(CONTEXT, "kind-test")
    with start_cluster(tmp_path / "cluster") as cluster:
        assert cluster.kind == "context"
        assert cluster.server == "https://kind-test"
    assert "production" not in (tmp_path / "cluster" / "kubeconfig").read_text()


@pytest.mark.parametrize("name", ["production", "my-kind-test", "minikube-prod"])
def test_other_contexts_are_refused(tmp_path, name):
    with pytest.raises(ClusterError, match=r"only kind-\*, k3d-\*, minikube, envtest"):
        use_context(name, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_context_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(ClusterError, match="no such context"):
        use_context("k3d-nothing", tmp_path / "target")


def test_binaries_that_are_missing_are_named(monkeypatch, tmp_path):
    (tmp_path / "etcd").touch()
    monkeypatch.setenv(ASSETS, str(tmp_path))
    with pytest.raises(ClusterError, match="lacks kube-apiserver, kube-controller-manager"):
        start_cluster(tmp_path / "cluster")
