"""The real operator process and the real exporter against a cluster and a simulated source."""

import asyncio
import gzip
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import install
from devcluster.client import Client, load_kubeconfig
from devcluster.cluster import Cluster, start_cluster
from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.server import SimulatedCode42, running
from devcluster.code42.truth import from_csv
from devcluster.workloads import Workloads, start_workloads
from support.network import Network, Wire, network
from support.product import PATIENCE, Api, Document, Operator, eventually
from support.replicas import Replica
from synclog.api import names
from synclog.windows import Window, parse_time

CLAIM = "archive"
SECRET = "code42"


@pytest.fixture(name="eventually", scope="session")
def _eventually() -> Callable[..., Any]:
    return eventually


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
    net: Network
    node: Wire
    """What the node (with the embedded cluster also the Job controller) reaches the server by."""
    operators: list[Operator] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)

    def operator(
        self, *flags: str, kubeconfig: Path | None = None, clock: Path | None = None
    ) -> Operator:
        """Start an operator for this namespace; without flags a successor of the one before.

        Args:
            flags: more flags.
            kubeconfig: another way to the API server than the straight one.
            clock: the file of a wall clock of its own; see `support.wallclock`.
        """
        log = self.folder / f"operator-{next(_numbers)}.log"
        own = (
            (f"--namespaces={self.namespace}",) if not any("namespaces" in f for f in flags) else ()
        )
        operator = Operator(kubeconfig or self.kubeconfig, log, *own, *flags, clock=clock)
        self.operators.append(operator)
        return operator

    def replica(
        self,
        *flags: str,
        by: str = "",
        authority: Path | None = None,
        clock: Path | None = None,
    ) -> Replica:
        """Keep an operator running, as a Deployment does.

        Args:
            flags: more flags.
            by: the URL to reach the API server by; the cluster's own where it is empty.
            authority: the certificate to trust there; the cluster's own where it is None.
            clock: as for `operator`.
        """
        way = self.kubeconfig_by(by, authority) if by else None
        replica = Replica(lambda: self.operator(*flags, kubeconfig=way, clock=clock))
        self.replicas.append(replica)
        return replica

    def kubeconfig_by(self, url: str, authority: Path | None = None) -> Path:
        """The operator's kubeconfig with another address, and perhaps another authority."""
        target = self.folder / f"kubeconfig-{url.rpartition(':')[2]}"
        return redirected(self.kubeconfig, target, url, authority)

    def wait_a_moment(self, chance: random.Random, most: float) -> None:
        """Let a moment of up to so many seconds pass, in which things may happen."""
        end = time.monotonic() + chance.uniform(0.05, most)
        eventually(lambda: time.monotonic() > end, "the moment has come")

    def answered(self, token: str, name: str = "prod", seconds: float = PATIENCE) -> None:
        """Trigger a run, and wait until it is answered."""
        self.change(name, trigger=token)
        eventually(lambda: self.status(name).get("lastTrigger") == token, "it answers", seconds)

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

        return eventually(look, f"{name} is complete", 2 * PATIENCE, tell=lambda: self.status(name))

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

    def prove_in_the_end(self, token: str) -> None:
        """After edits: put the spec right, run once more, and compare with the truth.

        Files, ledger and status must tell the same, and nothing may be left under way.
        """
        rolling = {"maxWindow": "24h"}
        self.change(suspend=False, schedule=None, parallelism=4, range={"rolling": rolling})
        self.answered(token, seconds=2 * PATIENCE)
        status = self.complete()
        window = self.prove()
        assert parse_time(status["coveredUntil"]) == window.end <= time.time() * 1000
        assert status["totals"]["events"] == self.source.truth.count(window)
        assert status["coverage"]["gapCount"] == 0
        assert not status.get("active")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def redirected(kubeconfig: Path, target: Path, url: str, authority: Path | None = None) -> Path:
    """Write a copy of a kubeconfig that reaches the API server by another address."""
    document = yaml.safe_load(kubeconfig.read_text())
    for entry in document["clusters"]:
        cluster = entry["cluster"]
        cluster["server"] = url
        if authority is not None:
            cluster.pop("certificate-authority-data", None)
            cluster["certificate-authority"] = str(authority)
        elif "certificate-authority" in cluster:
            file = kubeconfig.parent / cluster["certificate-authority"]
            cluster["certificate-authority"] = str(file)
    target.touch(mode=0o600)
    target.write_text(yaml.safe_dump(document))
    return target


@dataclass
class Through:
    """A cluster as a client behind a link sees it."""

    kind: str
    kubeconfig: Path


@pytest.fixture(scope="session")
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="session")
def node(cluster: Cluster, net: Network) -> Wire:
    return net.wire(cluster.server)


@pytest.fixture(scope="session")
def workloads(
    cluster: Cluster, node: Wire, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workloads]:
    folder = tmp_path_factory.mktemp("node")
    way = redirected(cluster.kubeconfig, folder / "kubeconfig", node.url)
    with start_workloads(Through(cluster.kind, way), folder, backoff_base=0.3) as started:
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
    net: Network,
    node: Wire,
) -> Iterator[World]:
    namespace = f"team-{os.getpid()}-{next(_numbers)}"
    api.delete("leases", install.NAMESPACE, "synclog-operator")  # a dead leader's of before
    api.create("namespaces", "", {"metadata": {"name": namespace}})
    login = {"clientId": source.client_id, "clientSecret": source.client_secret}
    api.create("secrets", namespace, {"metadata": {"name": SECRET}, "stringData": login})
    size = {"requests": {"storage": "1Gi"}}
    claim = {"accessModes": ["ReadWriteMany"], "resources": size}
    api.create("persistentvolumeclaims", namespace, {"metadata": {"name": CLAIM}, "spec": claim})
    world = World(api, cluster, workloads, source, kubeconfig, namespace, tmp_path, net, node)
    try:
        yield world
        leaks = [found for one in world.operators for found in source.leaks(one.log.read_text())]
        assert not leaks, "the operator's log holds a secret"
    finally:
        node.mend()
        for replica in world.replicas:
            replica.stop()
        for operator in world.operators:
            if operator.process.poll() is None:
                operator.kill()
        for export in api.list(names.PLURAL, namespace):
            api.delete(names.PLURAL, namespace, export["metadata"]["name"])
        api.delete("namespaces", "", namespace)
