"""One way to get a cluster, for tests, the demo and people.

- ``embedded``: ``devcluster.apiserver``; nothing to install. The default.
- ``envtest``: a real control plane (etcd, kube-apiserver, kube-controller-manager) from the
  folder that ``KUBEBUILDER_ASSETS`` names.
- ``context``: a running test cluster, the kubeconfig context that ``SYNCLOG_TEST_CONTEXT``
  names. Only names that throw-away clusters have are accepted: tests delete things.
"""

import contextlib
import fnmatch
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import yaml

from devcluster import controlplane
from devcluster.processes import running, wait_until

Kind: TypeAlias = Literal["embedded", "envtest", "context"]

ASSETS = "KUBEBUILDER_ASSETS"
CONTEXT = "SYNCLOG_TEST_CONTEXT"
ALLOWED_CONTEXTS = ("kind-*", "k3d-*", "minikube", "envtest")


class ClusterError(Exception):
    """Raised when the environment asks for a cluster that cannot, or must not, be used."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a cluster as its administrator.

    Attributes:
        server: URL, such as ``https://127.0.0.1:40001``.
        ca: File with the certificate authority's PEM.
        token: The administrator's bearer token; empty where the kubeconfig has another way.
    """

    server: str
    ca: Path | None
    token: str


class Cluster:
    """A running cluster; a context manager that stops what it started."""

    def __init__(self, kind: Kind, directory: Path) -> None:
        self.kind: Kind = kind
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self._programs = contextlib.ExitStack()

    @property
    def connection(self) -> Connection:
        """Server, CA and token, as the kubeconfig has them."""
        return read_connection(self.kubeconfig)

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self.connection.server

    @property
    def ca(self) -> Path | None:
        """The file with the certificate authority's PEM, where the kubeconfig names one."""
        return self.connection.ca

    def launch(self) -> None:
        """Start the programs of the cluster; also again after :meth:`stop`, with its objects.

        Raises:
            StartError: a program does not become ready.
        """
        match self.kind:
            case "embedded":
                self._programs.enter_context(_embedded(self.directory))
            case "envtest":
                assets = Path(os.environ[ASSETS])
                self._programs.enter_context(controlplane.running_in(self.directory, assets))
            case "context":
                pass

    def stop(self) -> None:
        """Stop what :meth:`launch` started; twice is fine."""
        self._programs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_cluster(directory: Path) -> Cluster:
    """Start a cluster, or find the one that the environment names.

    Args:
        directory: For its files; ``directory/kubeconfig`` is the administrator's.

    Raises:
        ClusterError: the environment names something that cannot be used.
        StartError: a program does not become ready.
    """
    directory.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(_kind(os.environ), directory)
    if cluster.kind == "context":
        use_context(os.environ[CONTEXT], cluster.kubeconfig)
    cluster.launch()
    return cluster


def _kind(environment: Mapping[str, str]) -> Kind:
    if environment.get(CONTEXT):
        return "context"
    if not environment.get(ASSETS):
        return "embedded"
    assets = Path(environment[ASSETS])
    missing = [name for name in controlplane.PROGRAMS if not (assets / name).is_file()]
    if missing:
        raise ClusterError(
            f"{ASSETS}={assets} lacks {', '.join(missing)}: put the Kubernetes release's server "
            f"binaries and etcd there, or unset {ASSETS} to use the embedded API server"
        )
    return "envtest"


@contextlib.contextmanager
def _embedded(directory: Path) -> Iterator[None]:
    kubeconfig, log = directory / "kubeconfig", directory / "apiserver.log"
    # After a stop the same port again, so that clients find the server where it was.
    port = read_connection(kubeconfig).server.rpartition(":")[2] if kubeconfig.exists() else "0"
    ready = directory / "ready"
    ready.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "devcluster.apiserver", "--port", port),
        *("--data-dir", str(directory), "--ready-file", str(ready), "--with-parent"),
    ]
    with running(command, log) as process:
        wait_until(ready.exists, process, log)
        yield


def read_connection(kubeconfig: Path) -> Connection:
    """How a kubeconfig reaches its current context."""
    document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = _entry(document, "contexts", document["current-context"])["context"]
    cluster = _entry(document, "clusters", context["cluster"])["cluster"]
    user = _entry(document, "users", context["user"])["user"]
    ca = cluster.get("certificate-authority")
    return Connection(cluster["server"], Path(ca) if ca else None, user.get("token", ""))


def _entry(document: Mapping[str, Any], section: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in document[section] if e["name"] == name)
    return found


def use_context(name: str, target: Path) -> None:
    """Write a kubeconfig that has nothing but one allowed context.

    Args:
        name: The context.
        target: The file to write.

    Raises:
        ClusterError: the context is not allowed, or not there.
    """
    if not any(fnmatch.fnmatchcase(name, pattern) for pattern in ALLOWED_CONTEXTS):
        raise ClusterError(
            f"{CONTEXT}={name} is not a test cluster's name: tests create and delete objects, so "
            f"only {', '.join(ALLOWED_CONTEXTS)} are accepted"
        )
    paths = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for path in (Path(part) for part in paths.split(os.pathsep) if part):
        if not path.exists():
            continue
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if any(entry["name"] == name for entry in document.get("contexts") or ()):
            target.touch(mode=0o600)
            target.write_text(yaml.safe_dump(_only(document, name)), encoding="utf-8")
            return
    raise ClusterError(f"{CONTEXT}={name}: no such context in {paths}")


def _only(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    context = _entry(document, "contexts", name)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [_entry(document, "clusters", context["context"]["cluster"])],
        "users": [_entry(document, "users", context["context"]["user"])],
        "contexts": [context],
        "current-context": name,
    }
