"""The real ``synclog-export`` process against the simulated source over real HTTP."""

import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from devcluster.code42.behaviour import Behaviour, Body, Faults, Population
from devcluster.code42.server import SimulatedCode42, running
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
    ExitCode,
    Owner,
    Purpose,
    RunResult,
    RunSpec,
    SpanText,
)
from synclog.api.source import ApiClientAuth, Auth, Source, SourceFormat
from synclog.windows import DAY, HOUR, Window, format_time

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


@pytest.fixture(scope="module")
def source() -> Iterator[SimulatedCode42]:
    with running(Behaviour(population=Population(events_per_day=200))) as simulated:
        yield simulated


@pytest.fixture
def pod(tmp_path: Path, source: SimulatedCode42) -> Iterator[Pod]:
    pod = Pod(tmp_path, source)
    yield pod
    text = "\n".join(pod.outputs)
    for path in [*pod.volume.rglob("*"), *tmp_path.glob("termination-*")]:
        if path.is_file():
            data = path.read_bytes()
            text += (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    assert source.leaks(text) == []
    assert source.client_secret not in text


def exported(pod: Pod) -> Counter[object]:
    """Every event in every part that the volume shows."""
    events: Counter[object] = Counter()
    for path in pod.volume.rglob("year=*/**/*.gz"):
        data = gzip.decompress(path.read_bytes())
        events.update(from_csv(data) if ".csv" in path.name else from_json_lines(data))
    return events


def test_what_is_exported_is_the_truth(pod):
    window = pod.days(4, 1)
    inspected = pod.run("run", spec=pod.spec(None), index=0)
    assert (inspected.code, inspected.result.reason) == (0, "Inspected")
    ledger = inspected.result.ledger
    for index in range(3):
        process = pod.run("run", spec=pod.spec(window, ledger=ledger), index=index)
        assert (process.code, process.result.reason) == (0, "Exported")
        ledger = process.result.ledger
    assert exported(pod) == pod.source.truth.multiset(window)
    assert process.result.totals.events == pod.source.truth.count(window)
    assert json.loads(process.err)["reason"] == "Exported"
    verified = pod.run("verify", "--json")
    report = json.loads(verified.out)
    assert report["verdict"] == "gaps"  # coverage starts nine days ago
    assert report["findings"] == report["litter"] == []


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_cat_prints_the_truth_in_order(pod, form):
    window = pod.days(3, 1)
    flags = ("--start", format_time(window.start), "--end", format_time(window.end))
    assert pod.run("run", "--url", pod.source.url, *flags).code == 0
    part = Window(window.start + 5 * HOUR, window.end - 7 * HOUR)
    flags = ("--start", format_time(part.start), "--end", format_time(part.end))
    printed = pod.run("cat", *flags, "--format", form)
    assert printed.code == 0
    events = (from_csv if form == "csv" else from_json_lines)(printed.out.encode())
    assert Counter(events) == pod.source.truth.multiset(part)
    assert [event.instant for event in events] == sorted(event.instant for event in events)
    whole = pod.run("verify")
    assert whole.code == 0
    assert whole.out.rstrip().splitlines()[-1].startswith("COMPLETE")


def test_cat_refuses_a_range_that_is_not_there(pod):
    window = pod.days(3, 2)
    flags = ("--start", format_time(window.start), "--end", format_time(window.end))
    pod.run("run", "--url", pod.source.url, *flags)
    late = pod.run("cat", "--start", flags[1], "--end", format_time(window.end + 1))
    assert late.code == ExitCode.CONFIGURATION
    assert "--partial" in late.err
    assert pod.run("cat", "--end", format_time(window.end + 1), "--partial").code == 0


def test_cat_says_why_there_is_nothing_to_print(pod):
    assert pod.run("run", spec=pod.spec(None)).code == 0
    begun = pod.run("cat")
    assert begun.code == ExitCode.CONFIGURATION
    assert "NothingExported" in begun.err
    window = pod.days(2, 1)
    pod.run("run", spec=pod.spec(window), index=0)
    behind = pod.run("cat", "--start", format_time(window.end + 1))
    assert behind.code == ExitCode.CONFIGURATION
    assert f"{format_time(window.end + 1)} to {format_time(window.end)} is empty" in behind.err


def test_coverage_shows_the_gap(pod):
    window = pod.days(3, 0)
    spec = pod.spec(window)
    for index in (0, 2):
        pod.run("run", spec=spec, index=index)
    shown = pod.run("coverage")
    gap = Window(window.start + DAY, window.start + 2 * DAY)
    assert f"  {gap}  1d" in shown.out.splitlines()
    assert "█" in shown.out
    assert json.loads(pod.run("coverage", "--json").out)["totals"]["windows"] == 2


def test_json_route_end_to_end(pod):
    window = pod.days(2, 1)
    process = pod.run("run", spec=pod.spec(window, source_format=SourceFormat.JSON), index=0)
    assert (process.code, process.result.reason) == (0, "Exported")
    assert exported(pod) == pod.source.truth.multiset(window)
    assert pod.run("verify").code == 0


def test_the_normal_form_is_the_same_by_both_routes(tmp_path):
    lines = {}
    with running(Behaviour(population=Population(events_per_day=200))) as source:
        for route in ("csv", "json"):
            (tmp_path / route).mkdir()
            pod = Pod(tmp_path / route, source)
            window = pod.days(4, 2)
            flags = ("--url", source.url, "--start", format_time(window.start), "--format", route)
            flags += ("--end", format_time(window.end), "--output-format", "jsonlines")
            assert pod.run("run", *flags).result.reason == "Exported"
            source.add_late_random(window, 5)
            rechecked = pod.run("run", *flags, "--recheck", "24h").result
            assert (rechecked.reason, rechecked.totals.late_events) == ("Rechecked", 5)
            assert exported(pod) == source.truth.multiset(window)
            assert pod.run("verify").code == 0
            lines[route] = pod.run("cat", "--format", "jsonl").out.splitlines()
            printed = pod.run("cat", "--format", "csv").out
            assert Counter(from_csv(printed.encode())) == source.truth.multiset(window)
    # The second export met five events more, of which it saw none before.
    by_csv, by_json = Counter(lines["csv"]), Counter(lines["json"])
    assert (by_csv - by_json, (by_json - by_csv).total()) == (Counter(), 5)


def test_wrong_credentials(pod):
    (pod.root / "auth/clientSecret").write_text("wrong")
    process = pod.run("run", spec=pod.spec(pod.days(2, 1)), index=0)
    assert process.code == process.result.exit_code == ExitCode.AUTHORISATION


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ((), 2, "COMMAND"),
        (("run",), 10, "say what to export: --url"),
        (("run", "--url", "https://x"), 10, "write --start and --end"),
        (("run", "--spec", "/nonexistent.json"), 10, "cannot be read"),
        (("run", "--url", "https://x", "--start", "yesterday"), 2, "write 2026-01-31"),
        (("run", "--url", "https://x", "--retention", "3 weeks"), 2, "90d"),
        (("verify",), 14, "No run has begun one here, or it was removed"),
        (("coverage",), 10, "holds no ledger"),
        (("cat",), 10, "holds no ledger"),
        (("verify", "--destination", "/nonexistent"), 10, "is not a folder"),
        (("verify", "--expect", "5"), 2, "ID:HEAD:DIGEST"),
    ],
)
def test_what_cannot_be_done_is_said(pod, args, code, says):
    process = pod.run(*args)
    assert process.code == code
    assert says in process.out + process.err
    assert "Traceback" not in process.err


def test_a_broken_spec_is_a_result_too(pod):
    process = pod.run("run", spec=replace(pod.spec(pod.days(2, 1)), span=None))
    assert process.code == process.result.exit_code == ExitCode.CONFIGURATION


def test_a_run_of_several_windows_says_how_far_it_came(pod):
    window = pod.days(2, -1)
    process = pod.run("run", spec=pod.spec(window))
    assert process.code == ExitCode.NOT_SETTLED
    assert process.result.message.endswith("; 2 of 3 windows were done before")


def questions(source: SimulatedCode42) -> int:
    """How often the Sync Log was asked for."""
    return sum(request.path.endswith("/csv") for request in source.requests)


def test_sigterm_stops_cleanly_and_says_so(tmp_path):
    with running() as source:
        pod = Pod(tmp_path, source)
        window = pod.days(2, 1)
        ledger = pod.run("run", spec=pod.spec(None)).result.ledger
        truth = source.truth.multiset(window)
        source.behave(Behaviour(body=Body(bytes_per_second=20_000)))
        before = questions(source)
        process = pod.start("run", spec=pod.spec(window, ledger=ledger), index=0)
        deadline = time.monotonic() + PATIENCE
        while questions(source) < before + 2:  # one for the time, one for the window
            assert time.monotonic() < deadline, "the exporter never asked for its window"
            time.sleep(0.01)
        process.popen.send_signal(signal.SIGTERM)
        process.wait()
        assert process.code == process.result.exit_code == ExitCode.INTERRUPTED
        assert process.result.ledger == ledger
        assert exported(pod) == Counter()
        source.behave(Behaviour())
        again = pod.run("run", spec=pod.spec(window, ledger=ledger), index=0)
        assert again.result.reason == "Exported"
        assert exported(pod) == truth


def test_sigterm_ends_a_run_whose_request_hangs(pod):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        spec = pod.spec(pod.days(2, 1))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        spec = replace(spec, source=replace(spec.source, url=url))
        process = pod.start("run", "--stop-within", "1s", spec=spec, index=0)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)  # it has asked, and gets no answer
            process.popen.send_signal(signal.SIGTERM)
            process.wait()
    assert process.code == process.result.exit_code == ExitCode.INTERRUPTED
    assert list(pod.volume.rglob("*.json")) == []


def test_a_person_at_a_terminal_is_told_that_the_run_stops(pod):
    ours, theirs = os.openpty()
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        os.fdopen(ours, "rb", buffering=0) as terminal,
    ):
        silent.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        flags = ("--url", url, "--start", "2026-01-31", "--end", "2026-02-01")
        process = pod.start("run", *flags, "--stop-within", "30s", stderr=theirs)
        os.close(theirs)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)
            process.popen.send_signal(signal.SIGINT)
            assert b"stopping at the next safe place, within 30s" in terminal.read(4096)
            process.popen.send_signal(signal.SIGINT)  # once more ends it at once
            process.popen.communicate(timeout=PATIENCE)
    assert process.code == -signal.SIGINT


def test_killed_at_random_moments_and_raced_and_still_once(tmp_path):
    """kill -9 while several processes export overlapping spans; then the gaps are filled."""
    chance = random.Random(7)  # moments differ in any case; the seed only fixes how many die
    behaviour = Behaviour(population=Population(events_per_day=200), faults=Faults(latency_ms=30))
    with running(behaviour) as source:
        pod = Pod(tmp_path, source)
        window = pod.days(6, 1)
        spec = pod.spec(window)
        for _ in range(4):
            processes = [pod.start("run", spec=spec, index=chance.randrange(5)) for _ in range(3)]
            victim = chance.choice(processes)
            try:
                victim.popen.wait(timeout=chance.uniform(0.3, 0.8))
            except subprocess.TimeoutExpired:
                victim.popen.kill()
            for process in processes:
                process.wait()
                assert process.code in {0, -signal.SIGKILL}
        for index in range(5):
            assert pod.run("run", spec=spec, index=index).code == 0
        report = json.loads(pod.run("verify", "--json").out)
        assert (report["verdict"], report["findings"]) == ("complete", [])
        printed = pod.run("cat", "--format", "jsonl").out
        assert Counter(from_json_lines(printed.encode())) == source.truth.multiset(window)


def test_late_events_are_found_by_a_recheck(tmp_path):
    with running(Behaviour(population=Population(events_per_day=200))) as source:
        pod = Pod(tmp_path, source)
        window = pod.days(4, 2)
        flags = ("--url", source.url, "--start", format_time(window.start))
        flags += ("--end", format_time(window.end))
        assert pod.run("run", *flags).code == 0
        late = source.add_late_random(window, 7)
        assert len(late) == 7
        assert pod.run("run", *flags, "--recheck", "24h").code == 0
        assert exported(pod) == source.truth.multiset(window)
        printed = pod.run("cat", "--format", "csv").out
        assert Counter(from_csv(printed.encode())) == source.truth.multiset(window)
        assert pod.run("verify").code == 0
        again = pod.run("run", *flags, "--recheck", "24h")
        assert again.result.reason == "AlreadyCovered"
        assert again.result.totals.late_events == 7
