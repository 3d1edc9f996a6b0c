"""What a process costs, read from /proc; and the operator as a process of its own."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp

from devcluster import install
from devcluster.processes import running

_TICK = os.sysconf("SC_CLK_TCK")
_SAMPLE = 0.25


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far.

    Raises:
        ProcessLookupError: it has ended.
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    if fields[0] == "Z":
        raise ProcessLookupError(f"process {pid} has ended")
    return (int(fields[11]) + int(fields[12])) / _TICK


def rss(pid: int) -> int:
    """Resident bytes of a process."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def peak(pid: int) -> int:
    """Largest resident size of a process so far, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def find(program: str, folder: Path) -> int:
    """The id of a program that was started with files of a folder.

    Raises:
        LookupError: there is none.
    """
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if words and Path(words[0].decode()).name == program and _mentions(words, folder):
                return int(entry.name)
    raise LookupError(f"no {program} works in {folder}")


def _mentions(words: list[bytes], folder: Path) -> bool:
    return any(str(folder.resolve()).encode() in word for word in words)


@dataclass
class Usage:
    """CPU time and memory of a process between two moments."""

    pid: int
    started: float = field(default_factory=time.monotonic)
    cpu_before: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    """Largest resident size that was seen, in bytes."""

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, pid: int) -> AsyncIterator[Self]:
        """Measure while the context is open; a process that ends takes the context with it."""
        usage = cls(pid, cpu_before=cpu_seconds(pid))
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(usage._sample())
            yield usage
            sampling.cancel()
        usage._note()

    async def _sample(self) -> None:
        while True:
            self._note()
            await asyncio.sleep(_SAMPLE)

    def _note(self) -> None:
        self.peak = max(self.peak, rss(self.pid))
        self.cpu = cpu_seconds(self.pid) - self.cpu_before
        self.seconds = time.monotonic() - self.started


async def quiet(pid: int, *, patience: float, share: float = 0.1, calm: float = 2.0) -> float:
    """Wait until a process uses less than a share of a core for some seconds.

    Returns:
        The moment on the monotonic clock at which the calm began.

    Raises:
        TimeoutError: it did not calm down in time.
    """
    async with asyncio.timeout(patience):
        samples = [(time.monotonic(), cpu_seconds(pid))]
        while True:
            await asyncio.sleep(_SAMPLE)
            now, used = time.monotonic(), cpu_seconds(pid)
            samples.append((now, used))
            while samples[1:] and samples[1][0] <= now - calm:
                samples.pop(0)
            since, before = samples[0]
            if now - since >= calm and used - before < share * (now - since):
                return since


@dataclass
class Operator:
    """A running operator."""

    pid: int
    started: float
    """When it was started, on the monotonic clock."""
    url: str

    async def metrics(self) -> str:
        """Its metrics, as Prometheus would read them."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
            session.get(f"{self.url}/metrics") as answer,
        ):
            answer.raise_for_status()
            return await answer.text()


@contextlib.asynccontextmanager
async def operator(kubeconfig: Path, log: Path) -> AsyncIterator[Operator]:
    """Run the operator with the settings that are shipped, as its own service account."""
    _forget(log)
    command = [sys.executable, "-m", "synclog.cli.operator", "run"]
    command += ["--kubeconfig", str(kubeconfig), "--listen=127.0.0.1:0"]
    command += ["--lease-namespace", install.NAMESPACE]
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    started = time.monotonic()
    with running(command, log, environ) as process:
        async with asyncio.timeout(60):
            while not (said := list(_said(log, "serving metrics and health"))):
                if process.poll() is not None:
                    raise RuntimeError(f"the operator ended:\n{_read(log)}")
                await asyncio.sleep(0.05)
        try:
            yield Operator(process.pid, started, f"http://127.0.0.1:{said[0]['port']}")
        except Exception as error:
            error.add_note(
                "The operator's last lines:\n" + "\n".join(_read(log).splitlines()[-20:])
            )
            raise


def _forget(log: Path) -> None:
    log.unlink(missing_ok=True)


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8")


def _said(log: Path, message: str) -> Iterator[dict[str, object]]:
    for line in _read(log).splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            document = json.loads(line)
            if document["message"] == message:
                yield document
