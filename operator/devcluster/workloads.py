"""Starts what makes Jobs run in a cluster: the Job controller and the pod runner."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self

from devcluster.processes import running, wait_until

IMAGES: Mapping[str, str] = {
    "*synclog-operator*": "synclog-operator",
    "busybox*": "",
}
"""Images that the node has, by pattern, and their entrypoints: our own, and one for tests whose
containers name any program of this machine."""


class Target(Protocol):
    """A running cluster, as `devcluster.cluster.start_cluster` returns it."""

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig."""
        ...

    @property
    def kind(self) -> str:
        """``embedded``, or the name of something that has its own Job controller."""
        ...


class Workloads:
    """The running programs; a context manager, or end them with `stop`."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        self._kubeconfig = kubeconfig
        self._directory = directory
        self._stack = ExitStack()
        self._pids: dict[str, int] = {}
        self._port = 0

    @property
    def node_port(self) -> int:
        """The port of the node's HTTPS endpoint on the loopback interface."""
        return self._port

    def pid(self, program: str) -> int:
        """The process id of ``jobcontroller`` or ``podrunner``."""
        return self._pids[program]

    def start(self, program: str, options: Sequence[str]) -> dict[str, Any]:
        """Start one of the two programs and wait until it serves.

        Returns:
            What it says of itself when it is ready.

        Raises:
            StartError: it does not become ready.
        """
        ready = self._directory / f"{program}.ready"
        ready.unlink(missing_ok=True)
        log = self._directory / f"{program}.log"
        command = [sys.executable, "-m", f"devcluster.{program}", "--with-parent"]
        command += ["--kubeconfig", str(self._kubeconfig), "--ready-file", str(ready), *options]
        process = self._stack.enter_context(running(command, log, os.environ))
        wait_until(ready.exists, process, log)
        self._pids[program] = process.pid
        facts: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
        self._port = facts.get("port", self._port)
        return facts

    def stop(self) -> None:
        """Stop the programs, and with the pod runner its containers."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_workloads(
    cluster: Target,
    directory: Path,
    *,
    images: Mapping[str, str] = IMAGES,
    backoff_base: float = 10.0,
    restart_delay: float = 10.0,
    options: Sequence[str] = (),
) -> Workloads:
    """Start the pod runner and, with the embedded API server, the Job controller.

    Args:
        cluster: Where to run; a real control plane has a Job controller of its own.
        directory: The node's folder. Claims are in ``volumes/<namespace>/<claim>``, logs of the
            programs in ``jobcontroller.log`` and ``podrunner.log``.
        images: Images that the node has, and their entrypoints.
        backoff_base: Seconds before the embedded Job controller replaces a failed pod for the
            first time. A real one always takes 10.
        restart_delay: Seconds before the second restart of a container.
        options: More flags of the pod runner.

    Raises:
        StartError: a program does not become ready; the message shows the end of its log.
    """
    directory.mkdir(parents=True, exist_ok=True)
    workloads = Workloads(cluster.kubeconfig, directory)
    try:
        if cluster.kind == "embedded":
            workloads.start("jobcontroller", ["--backoff-base", str(backoff_base)])
        known = [f"--image={name}={entrypoint}" for name, entrypoint in images.items()]
        flags = ["--root", str(directory), "--restart-delay", str(restart_delay), *known, *options]
        workloads.start("podrunner", flags)
    except BaseException:
        workloads.stop()
        raise
    return workloads
