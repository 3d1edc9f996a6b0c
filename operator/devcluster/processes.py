"""Local processes that a cluster is made of: started with a log file, stopped for sure."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_GRACE = 15.0
"""Seconds that a process has to stop before it is killed."""


class StartError(RuntimeError):
    """Raised when a process ends, or says nothing, instead of becoming ready."""


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command while the context is open; its output goes to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to stop, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    ready: Callable[[], bool],
    process: "subprocess.Popen[bytes]",
    log: Path,
    *,
    seconds: float = 60,
) -> None:
    """Wait until a process is ready.

    Raises:
        StartError: it ended, or was not ready in time; the message shows its last lines.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise StartError(f"{log.stem} did not become ready (exit {process.poll()}):\n{last}")
        time.sleep(0.05)
