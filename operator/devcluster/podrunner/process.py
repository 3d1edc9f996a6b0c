"""One run of a container: a local process that outlives the runner.

Between the runner and the process stands a shell of three lines. It leads a process group of
its own, and writes the exit code to a file; so a runner that was killed finds, when it starts
again, the processes that still run and the end of those that do not.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from devcluster.podrunner.errors import RunError

_INNER = 'echo $$ >"$0/process"; exec "$@"'
# The shell's own words ("Killed") are no output of the container, so they go nowhere.
_OUTER = f"""folder=$1; shift; echo $$ >"$folder/group"; exec 3>&2 2>/dev/null
/bin/sh -c '{_INNER}' "$folder" "$@" 2>&3 3>&-
code=$?; echo $code >"$folder/exit.part"; mv "$folder/exit.part" "$folder/exit"; exit $code"""
_GLANCE = 0.05
"""Seconds between two looks at a process that is not our child."""

START_ERROR = 128
"""The exit code of a container whose program could not be started."""
LOST = 137
"""The exit code of a process whose end nobody saw."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    code: int
    """128 and the number of the signal, where one ended it."""
    at: datetime
    seen: bool = True
    """False where the process vanished while no runner was there."""


class Attempt:
    """One run of a container, and the folder that tells of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """Everything that the process wrote to its two outputs."""
        return self.folder / "log"

    @property
    def termination_log(self) -> Path:
        """The file that the process may leave its termination message in."""
        return self.folder / "termination-log"

    @property
    def began(self) -> datetime:
        """When the process was started."""
        return _modified(self.folder / "began")

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> None:
        """Start the process.

        Raises:
            RunError: it cannot be started.
        """
        self._create()
        with self.log.open("ab") as log:
            try:
                self._child = await asyncio.create_subprocess_exec(
                    "/bin/sh",
                    "-c",
                    _OUTER,
                    "sh",
                    str(self.folder),
                    *command,
                    env=environment,
                    cwd=directory,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                (self.folder / "exit").write_text(f"{START_ERROR}\n", encoding="ascii")
                raise RunError(str(error)) from error

    def refuse(self, code: int) -> None:
        """Note a run that was over before it began, so that it counts as one."""
        self._create()
        (self.folder / "exit").write_text(f"{code}\n", encoding="ascii")

    def _create(self) -> None:
        self.folder.mkdir(parents=True)
        for file in (self.folder / "began", self.termination_log, self.log):
            file.touch()

    async def wait(self) -> End:
        """Wait for the end of the process, whoever started it, and of what it left behind."""
        code: int | None
        if self._child is not None:
            code = await self._child.wait()
        else:
            # No event tells of the end of a process that is nobody's child.
            while self.alive:  # noqa: ASYNC110 - see above
                await asyncio.sleep(_GLANCE)
            code = None
        self.reap()
        written = self._number("exit")
        if written is not None:
            return End(written, _modified(self.folder / "exit"))
        # The shell itself was killed, and with it what it ran.
        seen = code is not None
        return End(128 - code if code and code < 0 else LOST, datetime.now(UTC), seen=seen)

    async def send(self, number: signal.Signals) -> None:
        """Send a signal: SIGKILL to all that the container runs, others to its main process.

        It waits for the process to be there, so whoever waits for its end must cancel this then.
        """
        kill = number == signal.SIGKILL
        name = "group" if kill else "process"
        while (target := self._number(name)) is None:  # noqa: ASYNC110 - written any moment
            await asyncio.sleep(_GLANCE / 10)
        with contextlib.suppress(ProcessLookupError):
            if kill:
                os.killpg(target, number)
            else:
                os.kill(target, number)

    def reap(self) -> None:
        """End whatever still runs of this run."""
        group = self._number("group")
        if group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)

    @property
    def alive(self) -> bool:
        """Whether it still runs. The number alone proves nothing: it may be another's by now."""
        group = self._number("group")
        if group is None or self._number("exit") is not None:
            return False
        try:
            return os.getsid(group) == group
        except ProcessLookupError:
            return False

    def _number(self, name: str) -> int | None:
        try:
            text = (self.folder / name).read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        return int(text) if text.endswith("\n") else None


def _modified(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)


def attempts_of(folder: Path) -> list[Attempt]:
    """The runs of a container that a folder tells of, oldest first."""
    if not folder.is_dir():
        return []
    numbers = sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())
    return [Attempt(folder / str(number)) for number in numbers]


def termination_message(attempt: Attempt, code: int, policy: str) -> str:
    """What a container said at its end: at most 4096 bytes of the file.

    With ``FallbackToLogsOnError``, after a failure and with an empty file: the end of the log,
    at most 80 lines and 2048 bytes.
    """
    with attempt.termination_log.open("rb") as file:
        message = file.read(4096)
    if not message and code != 0 and policy == "FallbackToLogsOnError":
        with attempt.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 2048, 0))
            message = b"\n".join(file.read().split(b"\n")[-81:])
    return message.decode(errors="replace")
