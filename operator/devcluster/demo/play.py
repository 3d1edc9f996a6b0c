"""The demo's script: who is started, what is applied, what is waited for."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from devcluster import install
from devcluster.client import CLAIMS, JOBS, NAMESPACES, SECRETS, Client, load_kubeconfig
from devcluster.cluster import Cluster, start_cluster
from devcluster.demo import manifests
from devcluster.demo.proof import prove
from devcluster.demo.view import Scene, render
from devcluster.processes import running, wait_until
from devcluster.workloads import start_workloads

_CLIENT_ID = "key-demo"
_CLIENT_SECRET = "only-good-for-this-demo"
_PATIENCE = 300.0
"""Seconds that one act may take before something must be wrong."""

Export = dict[str, Any]


class DemoFailedError(Exception):
    """Raised when the demo does not come to the end that it promises."""


def play(directory: Path, console: Console, parallelism: int, *, stay: bool) -> None:
    """Run the demo.

    Args:
        directory: where everything is kept.
        console: where it is shown.
        parallelism: pods that run side by side.
        stay: keep running at the end, to look around.

    Raises:
        DemoFailedError: it did not come to its end.
    """
    with contextlib.ExitStack() as stack:
        with console.status("starting an API server, a node and a Code42 tenant"):
            cluster = stack.enter_context(start_cluster(directory / "cluster"))
            stack.enter_context(start_workloads(cluster, directory / "node"))
            url = stack.enter_context(_source(directory))
        archive = directory / "node" / "volumes" / manifests.NAMESPACE / manifests.CLAIM
        asyncio.run(_perform(directory, console, cluster, url, parallelism))
        prove(console, archive / manifests.EXPORT, url)
        _farewell(console, directory, cluster)
        if stay:
            console.print("still running; Ctrl-C ends it")
            with contextlib.suppress(KeyboardInterrupt):
                stack.enter_context(_operator(directory))
                time.sleep(24 * 3600)


@contextlib.contextmanager
def _source(directory: Path) -> Iterator[str]:
    """The simulated tenant; its URL."""
    file, log = directory / "source.url", directory / "logs" / "code42.log"
    command = [sys.executable, "-m", "devcluster.code42", "--url-file", str(file)]
    secrets = {"CODE42_CLIENT_ID": _CLIENT_ID, "CODE42_CLIENT_SECRET": _CLIENT_SECRET}
    with running(command, log, os.environ | secrets) as process:
        wait_until(file.exists, process, log)
        yield file.read_text(encoding="utf-8").strip()


@contextlib.contextmanager
def _operator(directory: Path) -> Iterator[None]:
    """The operator, as its own service account."""
    command = [
        *(sys.executable, "-m", "synclog.cli.operator", "run"),
        *("--kubeconfig", str(directory / "operator.kubeconfig")),
        *("--lease-namespace", install.NAMESPACE, "--listen", "127.0.0.1:0"),
    ]
    with running(command, directory / "logs" / "operator.log"):
        yield


async def _perform(
    directory: Path, console: Console, cluster: Cluster, url: str, parallelism: int
) -> None:
    async with Client(load_kubeconfig(cluster.kubeconfig), "demo") as client:
        await install.install(client)
        token = await install.operator_token(client)
        install.write_kubeconfig(directory / "operator.kubeconfig", cluster.kubeconfig, token)
        await _apply(client, url, parallelism)
        with _operator(directory):
            await _Stage(client, console).acts()


async def _apply(client: Client, url: str, parallelism: int) -> None:
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": manifests.NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    await install.apply(client, NAMESPACES, namespace)
    await install.apply(client, SECRETS, manifests.secret(_CLIENT_ID, _CLIENT_SECRET))
    await install.apply(client, CLAIMS, manifests.claim())
    await install.apply(client, install.EXPORTS, manifests.export(url, parallelism=parallelism))


class _Stage:
    """Shows the acts, and waits for the end of each."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console
        self._began = time.monotonic()
        self._live = Live(console=console, refresh_per_second=8, transient=False)

    async def acts(self) -> None:
        """Backfill, trigger, schedule."""
        with self._live:
            await self._until("1/3  backfill: the last 90 days, oldest first", _complete)
            before = await self._export()
            await self._trigger("look-now")
            await self._until("2/3  trigger: run now", _succeeded_since(before, "look-now"))
            before = await self._export()
            await self._until("3/3  schedule: every minute", _scheduled_since(before))

    async def _trigger(self, token: str) -> None:
        await self._client.patch(
            install.EXPORTS,
            manifests.NAMESPACE,
            manifests.EXPORT,
            {"spec": {"trigger": token}},
        )

    async def _export(self) -> Export:
        return await self._client.get(install.EXPORTS, manifests.NAMESPACE, manifests.EXPORT)

    async def _until(self, step: str, done: Callable[[Export], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            export = await self._export()
            jobs, _ = await self._client.list(JOBS, manifests.NAMESPACE)
            now = time.time_ns() // 1_000_000
            elapsed = time.monotonic() - self._began
            self._live.update(render(Scene(export, tuple(jobs), step, now, elapsed)))
            if done(export):
                return
            if time.monotonic() > deadline:
                raise DemoFailedError(f"no end of '{step}' in {_PATIENCE:.0f} s")
            await asyncio.sleep(0.25)


def _status(export: Export) -> dict[str, Any]:
    return export.get("status") or {}


def _complete(export: Export) -> bool:
    return any(
        condition["type"] == "CoverageComplete" and condition["status"] == "True"
        for condition in _status(export).get("conditions", [])
    )


def _succeeded_since(before: Export, token: str) -> Callable[[Export], bool]:
    last = _status(before).get("coveredUntil", "")

    def done(export: Export) -> bool:
        status = _status(export)
        moved = status.get("coveredUntil", "") > last
        return moved and status.get("lastTrigger") == token and _complete(export)

    return done


def _scheduled_since(before: Export) -> Callable[[Export], bool]:
    last = _status(before).get("coveredUntil", "")

    def done(export: Export) -> bool:
        status = _status(export)
        run = status.get("lastRun") or {}
        moved = status.get("coveredUntil", "") > last
        return moved and "scheduledTime" in run and _complete(export)

    return done


def _farewell(console: Console, directory: Path, cluster: Cluster) -> None:
    shown = Path(os.path.relpath(directory))
    archive = shown / "node/volumes" / manifests.NAMESPACE / manifests.CLAIM / manifests.EXPORT
    export = f"{Path(sys.executable).parent}/synclog-export"
    kubeconfig = os.path.relpath(cluster.kubeconfig)
    namespace = manifests.NAMESPACE
    kubectl = _short(str(Path(sys.executable).parent / "kubectl"))
    lines = (
        "",
        f"The files:       {archive}",
        f"Verify them:     {_short(export)} verify --destination {archive}",
        f"Print events:    {_short(export)} cat --destination {archive}",
        f"See the gaps:    {_short(export)} coverage --destination {archive}",
        f"The logs:        {shown / 'logs'}",
        "Look around:     make demo ARGS=--stay, and in another terminal",
        f"                 {kubectl} --kubeconfig {kubeconfig} get sle,jobs -n {namespace}",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _short(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
