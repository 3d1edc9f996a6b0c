"""Exporter processes as people and Jobs start them: their folders, environment and results."""

import gzip
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from devcluster.code42.server import SimulatedCode42
from devcluster.code42.truth import from_csv, from_json_lines
from synclog.api.destination import Destination
from synclog.api.output import Output
from synclog.api.run import (
    ENV_AUTH_DIR,
    ENV_DESTINATION_DIR,
    ENV_JOB_INDEX,
    ENV_RUN_SPEC,
    ENV_SPOOL_DIR,
    ENV_TERMINATION_LOG,
    TERMINATION_MESSAGE_LIMIT,
    Owner,
    Purpose,
    RunResult,
    RunSpec,
    SpanText,
)
from synclog.api.source import ApiClientAuth, Auth, Source, SourceFormat
from synclog.windows import DAY, Window, format_time

PATIENCE = 60
"""Seconds after which a process that should have ended long ago fails the test."""


@dataclass
class Pod:
    """Folders and environment of exporter processes that share one destination."""

    root: Path
    source: SimulatedCode42
    outputs: list[str] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        for name in ("auth", "volume", "spool"):
            (self.root / name).mkdir()
        (self.root / "auth/clientId").write_text(self.source.client_id)
        (self.root / "auth/clientSecret").write_text(self.source.client_secret)

    @property
    def volume(self) -> Path:
        return self.root / "volume"

    def days(self, first: int, last: int) -> Window:
        """Whole days before today, UTC."""
        today = self.source.now // DAY * DAY
        return Window(today - first * DAY, today - last * DAY)

    def spec(self, window: Window | None, **more: object) -> RunSpec:
        span = window and SpanText(
            start=format_time(window.start), end=format_time(window.end), step_ms=DAY
        )
        source = {"format": more.pop("source_format", SourceFormat.CSV)}
        return RunSpec(
            purpose=Purpose.WINDOW if window else Purpose.INSPECT,
            owner=Owner(namespace="team", name="prod"),
            source=Source(
                url=self.source.url,
                auth=Auth(api_client=ApiClientAuth(secret_name="s")),
                **source,
            ),
            destination=Destination(),
            output=Output(),
            coverage_start=format_time(window.start if window else self.days(9, 1).start),
            span=span,
            **more,
        )

    def start(
        self,
        *args: str,
        spec: RunSpec | None = None,
        index: int | None = None,
        stderr: int = subprocess.PIPE,
    ) -> "Process":
        self._count += 1
        message = self.root / f"termination-{self._count}"
        environ = {
            **os.environ,
            ENV_AUTH_DIR: str(self.root / "auth"),
            ENV_DESTINATION_DIR: str(self.volume),
            ENV_SPOOL_DIR: str(self.root / "spool"),
            ENV_TERMINATION_LOG: str(message),
        }
        if spec is not None:
            environ[ENV_RUN_SPEC] = msgspec.json.encode(spec).decode()
        if index is not None:
            environ[ENV_JOB_INDEX] = str(index)
        command = [sys.executable, "-m", "synclog.cli.export", *args]
        popen = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=stderr)
        return Process(self, popen, message)

    def run(self, *args: str, **more: object) -> "Process":
        return self.start(*args, **more).wait()


@dataclass
class Process:
    pod: Pod
    popen: subprocess.Popen[bytes]
    message: Path
    out: str = ""
    err: str = ""

    def wait(self) -> "Process":
        out, err = self.popen.communicate(timeout=PATIENCE)
        self.out, self.err = out.decode(), err.decode()
        self.pod.outputs += (self.out, self.err)
        return self

    @property
    def code(self) -> int:
        return self.popen.returncode

    @property
    def result(self) -> RunResult:
        data = self.message.read_bytes()
        assert len(data) < TERMINATION_MESSAGE_LIMIT
        return msgspec.json.decode(data, type=RunResult)


def exported(pod: Pod) -> Counter[object]:
    """Every event in every part that the volume shows."""
    events: Counter[object] = Counter()
    for path in pod.volume.rglob("year=*/**/*.gz"):
        data = gzip.decompress(path.read_bytes())
        events.update(from_csv(data) if ".csv" in path.name else from_json_lines(data))
    return events
