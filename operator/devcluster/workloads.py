"""Starts what makes Jobs run in a cluster: the Job controller and the pod runner."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Self

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
        self.directory = directory
        """The node's folder."""
        self._kubeconfig = kubeconfig
        self._running: dict[str, tuple[ExitStack, subprocess.Popen[bytes], Sequence[str]]] = {}
        self._port = 0

    @property
    def node_port(self) -> int:
        """The port of the node's HTTPS endpoint on the loopback interface."""
        return self._port

    def start(self, program: str, options: Sequence[str]) -> None:
        """Start ``jobcontroller`` or ``podrunner``, and wait until it serves.

        Raises:
            StartError: it does not become ready; the message shows the end of its log.
        """
        ready = self.directory / f"{program}.ready"
        ready.unlink(missing_ok=True)
        log = self.directory / f"{program}.log"
        command = [sys.executable, "-m", f"devcluster.{program}", "--with-parent"]
        command += ["--kubeconfig", str(self._kubeconfig), "--ready-file", str(ready), *options]
        stack = ExitStack()
        process = stack.enter_context(running(command, log, os.environ))
        self._running[program] = (stack, process, options)
        wait_until(ready.exists, process, log)
        self._port = json.loads(ready.read_text(encoding="utf-8")).get("port", self._port)

    def kill(self, program: str) -> None:
        """Kill a program where it stands; a killed pod runner leaves its containers running."""
        stack, process, _ = self._running[program]
        process.send_signal(signal.SIGKILL)
        stack.close()

    def restart(self, program: str) -> None:
        """Start a program that was killed, with the flags that it had."""
        self.start(program, self._running.pop(program)[2])

    def stop(self) -> None:
        """Stop the programs, and with the pod runner its containers."""
        while self._running:
            _, (stack, _, _) = self._running.popitem()
            stack.close()

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
