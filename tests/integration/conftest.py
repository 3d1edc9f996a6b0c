"""The real operator process and the real exporter against a cluster and a simulated source."""

import asyncio
import gzip
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest

from devcluster import install
from devcluster.client import Client, load_kubeconfig
from devcluster.cluster import Cluster, start_cluster
from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.server import SimulatedCode42, running
from devcluster.code42.truth import from_csv
from devcluster.workloads import Workloads, start_workloads
from synclog.api import names
from synclog.windows import Window, parse_time

T = TypeVar("T")
Document = dict[str, Any]

PATIENCE = 120.0
"""Seconds after which something that should have happened long ago fails the test."""
CLAIM = "archive"
SECRET = "code42"


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """Poll until a look finds something; fails the test with ``what`` where it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"after {seconds:.0f} s still not: {what}")


@pytest.fixture(name="eventually", scope="session")
def _eventually() -> Callable[..., Any]:
    return eventually


class Api:
    """The API server as its administrator sees it. Paths are short: ``jobs``, ``pods``, …"""

    GROUPS: ClassVar = {
        "jobs": "/apis/batch/v1",
        names.PLURAL: f"/apis/{names.API_VERSION}",
        "leases": "/apis/coordination.k8s.io/v1",
    }

    def __init__(self, kubeconfig: Path) -> None:
        connection = load_kubeconfig(kubeconfig)
        self.http = httpx.Client(
            base_url=connection.server,
            headers=dict(connection.headers),
            verify=connection.tls,
            timeout=30,
            trust_env=False,
        )

    def _path(self, kind: str, namespace: str, name: str = "", sub: str = "") -> str:
        root = self.GROUPS.get(kind, "/api/v1")
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{kind}" + "".join(f"/{part}" for part in (name, sub) if part)

    def _checked(self, answer: httpx.Response) -> Document:
        assert answer.status_code < 300, f"{answer.request.url}: {answer.text}"
        return answer.json()

    def get(self, kind: str, namespace: str, name: str) -> Document | None:
        answer = self.http.get(self._path(kind, namespace, name))
        return None if answer.status_code == 404 else self._checked(answer)

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Document]:
        query = {"labelSelector": labels} if labels else {}
        return self._checked(self.http.get(self._path(kind, namespace), params=query))["items"]

    def create(self, kind: str, namespace: str, body: Document) -> Document:
        return self._checked(self.http.post(self._path(kind, namespace), json=body))

    def patch(
        self, kind: str, namespace: str, name: str, body: Document, sub: str = ""
    ) -> Document:
        headers = {"Content-Type": "application/merge-patch+json"}
        path = self._path(kind, namespace, name, sub)
        return self._checked(self.http.patch(path, headers=headers, content=json.dumps(body)))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        body = {"propagationPolicy": "Background"}
        path = self._path(kind, namespace, name)
        answer = self.http.request("DELETE", path, json=body)
        assert answer.status_code in (200, 202, 404), answer.text


class Operator:
    """One operator process, as its own service account, on a port of its own."""

    FAST = ("--lease-duration=3s", "--renew-deadline=2s", "--retry-period=300ms", "--resync=10s")

    def __init__(self, kubeconfig: Path, folder: Path, *flags: str) -> None:
        self.log = folder
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._offset = folder.stat().st_size if folder.exists() else 0
        command = [sys.executable, "-m", "synclog.cli.operator", "run"]
        command += ["--kubeconfig", str(kubeconfig), "--listen=127.0.0.1:0"]
        command += ["--image=synclog-operator:test", "--lease-namespace", install.NAMESPACE]
        command += ["--log-level=info", *self.FAST, *flags]
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with folder.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ
            )

    def lines(self) -> list[Document]:
        """What this process has logged."""
        with self.log.open("rb") as log:
            log.seek(self._offset)
            whole = log.read().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def says(self, message: str) -> Document | None:
        return next((line for line in self.lines() if line["message"] == message), None)

    def leads(self) -> "Operator":
        """Wait until it acts."""
        eventually(lambda: self.says("cluster seen") or self.ended(), "the operator leads")
        return self

    def ended(self) -> None:
        if self.process.poll() is not None:
            pytest.fail(f"the operator ended ({self.process.returncode}): {self.log.read_text()}")

    @property
    def url(self) -> str:
        line = eventually(lambda: self.says("serving metrics and health"), "it serves metrics")
        return f"http://127.0.0.1:{line['port']}"

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=60).text
        samples = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("#", ""))
        return {name: float(value) for name, _, value in samples}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass
class World:
    """One namespace with a Secret, a claim and a source, and what a test does to them."""

    api: Api
    cluster: Cluster
    workloads: Workloads
    source: SimulatedCode42
    kubeconfig: Path
    namespace: str
    folder: Path
    operators: list[Operator] = field(default_factory=list)

    def operator(self, *flags: str) -> Operator:
        """Start an operator for this namespace; without flags a successor of the one before."""
        log = self.folder / f"operator-{len(self.operators)}.log"
        own = (
            (f"--namespaces={self.namespace}",) if not any("namespaces" in f for f in flags) else ()
        )
        operator = Operator(self.kubeconfig, log, *own, *flags)
        self.operators.append(operator)
        return operator

    def export_body(self, name: str = "prod", **spec: Any) -> Document:
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "source": {
                    "url": self.source.url,
                    "auth": {"apiClient": {"secretName": SECRET}},
                },
                "range": {"rolling": {"from": self.days_ago(5), "settleDelay": "2s"}},
                "destination": {
                    "persistentVolumeClaim": {"claimName": CLAIM, "subPath": name},
                },
                "parallelism": 4,
            }
            | spec,
        }

    def days_ago(self, days: int) -> str:
        """Midnight so many days ago, UTC."""
        moment = time.gmtime(time.time() - days * 86_400)
        return time.strftime("%Y-%m-%dT00:00:00Z", moment)

    def create(self, name: str = "prod", **spec: Any) -> Document:
        return self.api.create(names.PLURAL, self.namespace, self.export_body(name, **spec))

    def change(self, name: str = "prod", **spec: Any) -> Document:
        return self.api.patch(names.PLURAL, self.namespace, name, {"spec": spec})

    def status(self, name: str = "prod") -> Document:
        export = self.api.get(names.PLURAL, self.namespace, name)
        return (export or {}).get("status") or {}

    def condition(self, kind: str, name: str = "prod") -> Document:
        found = self.status(name).get("conditions") or []
        return next((one for one in found if one["type"] == kind), {"status": "", "reason": ""})

    def jobs(self) -> list[Document]:
        return self.api.list("jobs", self.namespace)

    def pods(self) -> list[Document]:
        return self.api.list("pods", self.namespace)

    def complete(self, beyond: str = "", name: str = "prod") -> Document:
        """Wait until coverage has no gap, went ``beyond`` and no Job runs; returns the status."""

        def look() -> Document | None:
            status = self.status(name)
            reached = status.get("coveredUntil") or ""
            done = self.condition("CoverageComplete", name)["status"] == "True"
            return status if done and reached > beyond and not status.get("activeCount") else None

        return eventually(look, f"{name} is complete: {self.condition('Degraded', name)}")

    def archive(self, name: str = "prod") -> Path:
        return self.workloads.directory / "volumes" / self.namespace / CLAIM / name

    def exported(self, name: str = "prod") -> Counter[Any]:
        """Every event in the parts, with its multiplicity."""
        archive = self.archive(name)
        parts = [path for path in archive.rglob("*.csv.gz") if "_synclog" not in path.parts]
        events = (from_csv(gzip.decompress(path.read_bytes())) for path in parts)
        return Counter(itertools.chain.from_iterable(events))

    def prove(self, name: str = "prod") -> Window:
        """Compare the files with the truth, and have the archive verified; returns the window."""
        command = [sys.executable, "-m", "synclog.cli.export", "verify", "--json"]
        command += ["--destination", str(self.archive(name))]
        done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        report = json.loads(done.stdout)
        window = Window(parse_time(report["coverageStart"]), parse_time(report["coveredUntil"]))
        found, truth = self.exported(name), self.source.truth.multiset(window)
        missing, extra = truth - found, found - truth
        assert not missing, f"{missing.total()} events are missing"
        assert not extra, f"{extra.total()} events are too many"
        return window


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def workloads(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workloads]:
    with start_workloads(cluster, tmp_path_factory.mktemp("node"), backoff_base=0.3) as started:
        yield started


@pytest.fixture(scope="session")
def kubeconfig(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product installed as ``deploy/`` says; returns the operator's own kubeconfig."""

    async def install_all() -> str:
        async with Client(load_kubeconfig(cluster.kubeconfig), "tests") as client:
            await install.install(client)
            return await install.operator_token(client)

    token = asyncio.run(install_all())
    target = tmp_path_factory.mktemp("operator") / "kubeconfig"
    return install.write_kubeconfig(target, cluster.kubeconfig, token)


@pytest.fixture(scope="session")
def api(cluster: Cluster) -> Iterator[Api]:
    api = Api(cluster.kubeconfig)
    with api.http:
        yield api


@pytest.fixture
def source() -> Iterator[SimulatedCode42]:
    with running(Behaviour(population=Population(events_per_day=60))) as simulated:
        yield simulated


_numbers = itertools.count(1)


@pytest.fixture
def world(
    api: Api,
    cluster: Cluster,
    workloads: Workloads,
    kubeconfig: Path,
    source: SimulatedCode42,
    tmp_path: Path,
) -> Iterator[World]:
    namespace = f"team-{os.getpid()}-{next(_numbers)}"
    api.delete("leases", install.NAMESPACE, "synclog-operator")  # a dead leader's of before
    api.create("namespaces", "", {"metadata": {"name": namespace}})
    login = {"clientId": source.client_id, "clientSecret": source.client_secret}
    api.create("secrets", namespace, {"metadata": {"name": SECRET}, "stringData": login})
    size = {"requests": {"storage": "1Gi"}}
    claim = {"accessModes": ["ReadWriteMany"], "resources": size}
    api.create("persistentvolumeclaims", namespace, {"metadata": {"name": CLAIM}, "spec": claim})
    world = World(api, cluster, workloads, source, kubeconfig, namespace, tmp_path)
    try:
        yield world
        leaks = [found for one in world.operators for found in source.leaks(one.log.read_text())]
        assert not leaks, "the operator's log holds a secret"
    finally:
        for operator in world.operators:
            if operator.process.poll() is None:
                operator.kill()
        for export in api.list(names.PLURAL, namespace):
            api.delete(names.PLURAL, namespace, export["metadata"]["name"])
        api.delete("namespaces", "", namespace)
