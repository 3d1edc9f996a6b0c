"""The real exporter writes into stores, through faults and kills, and people verify from afar."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter

import msgspec
import pytest

from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.server import running
from devcluster.code42.truth import from_json_lines
from support.leaks import echo, leaks, secrets_of
from support.stores import lost_answer, refusal, reset
from synclog.api.output import Output
from synclog.api.run import (
    ENV_AUTH_DIR,
    ENV_DESTINATION_AUTH_DIR,
    ENV_JOB_INDEX,
    ENV_RUN_SPEC,
    ENV_SPOOL_DIR,
    ENV_TERMINATION_LOG,
    ExitCode,
    Owner,
    Purpose,
    RunResult,
    RunSpec,
    SpanText,
)
from synclog.api.source import ApiClientAuth, Auth, Source
from synclog.windows import DAY, Window, format_time

QUOTED = "hunter2"
PATIENCE = 60


@pytest.fixture(scope="module")
def source():
    with running(Behaviour(population=Population(events_per_day=100))) as simulated:
        yield simulated


class Exporter:
    """Runs ``synclog-export`` as a pod does, and as a person does."""

    def __init__(self, root, source, store):
        self.root, self.source, self.store = root, source, store
        for name in ("source-auth", "spool"):
            (root / name).mkdir()
        (root / "source-auth/clientId").write_text(source.client_id)
        (root / "source-auth/clientSecret").write_text(source.client_secret)
        today = source.now // DAY * DAY
        self.window = Window(today - 4 * DAY, today - DAY)
        self.outputs = []

    def start(self, index):
        spec = RunSpec(
            purpose=Purpose.WINDOW,
            owner=Owner(namespace="team", name="prod"),
            source=Source(
                url=self.source.url, auth=Auth(api_client=ApiClientAuth(secret_name="s"))
            ),
            destination=self.store.spec,
            output=Output(),
            coverage_start=format_time(self.window.start),
            span=SpanText(
                start=format_time(self.window.start),
                end=format_time(self.window.end),
                step_ms=DAY,
            ),
        )
        environ = {
            ENV_RUN_SPEC: msgspec.json.encode(spec).decode(),
            ENV_JOB_INDEX: str(index),
            ENV_AUTH_DIR: str(self.root / "source-auth"),
            ENV_DESTINATION_AUTH_DIR: str(self.store.auth),
            ENV_SPOOL_DIR: str(self.root / "spool"),
            ENV_TERMINATION_LOG: str(self.root / "message"),
        }
        return self._process(["run"], environ)

    def run(self, index):
        process = self.start(index)
        self._end(process)
        return msgspec.json.decode((self.root / "message").read_bytes(), type=RunResult)

    def person(self, *args):
        process = self._process([*args, "--destination", self.store.spec.url], self.store.environ)
        out = self._end(process)
        assert out, self.outputs[-1]
        return process.returncode, out

    def _process(self, args, environ):
        return subprocess.Popen(
            [sys.executable, "-m", "synclog.cli.export", *args],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _end(self, process):
        out, err = process.communicate(timeout=PATIENCE)
        self.outputs += [out.decode(), err.decode()]
        return out.decode()

    def verify(self):
        report = json.loads(self.person("verify", "--json")[1])
        events = Counter(from_json_lines(self.person("cat", "--format", "jsonl")[1].encode()))
        return report, events


@pytest.fixture
def exporter(tmp_path, source, store):
    exporter = Exporter(tmp_path, source, store)
    yield exporter
    written = "".join(exporter.outputs)
    if (tmp_path / "message").exists():
        written += (tmp_path / "message").read_text()
    assert leaks(written, [*secrets_of(store.server.secret), QUOTED]) == []
    assert source.leaks(written) == []


def test_what_is_exported_is_the_truth(exporter):
    for index in range(3):
        assert exporter.run(index).reason == "Exported"
    assert exporter.run(1).reason == "AlreadyCovered"
    report, events = exporter.verify()
    assert events == exporter.source.truth.multiset(exporter.window)
    assert (report["verdict"], report["litter"]) == ("complete", [])
    shown = json.loads(exporter.person("coverage", "--json")[1])
    assert shown["totals"]["events"] == exporter.source.truth.count(exporter.window)


def test_faults_at_random_and_kills_leave_the_truth(exporter):
    """Whatever the store does, and whenever the process dies, each instant is committed once."""
    chance = random.Random(42)
    faults = [refusal(503, "SlowDown"), reset, lost_answer, refusal(500, "InternalError")]

    def killing(*, committed):
        def fault(request, forward):
            answer = forward(request) if committed else None
            os.kill(process.pid, signal.SIGKILL)
            return answer

        return fault

    for index, place in [(0, "/ledger/"), (0, "year="), (1, "year="), (1, "/ledger/")]:
        for committed in (False, True):
            exporter.store.proxy.fault(killing(committed=committed), path=place)
            process = exporter.start(index)
            exporter._end(process)
            assert process.returncode == -signal.SIGKILL, exporter.outputs[-1]
    for index in range(3):
        for _ in range(3):
            exporter.store.proxy.fault(chance.choice(faults))
        assert exporter.run(index).outcome == "Succeeded"
    exporter.store.proxy.faults.clear()
    report, events = exporter.verify()
    assert events == exporter.source.truth.multiset(exporter.window)
    assert (report["verdict"], report["findings"]) == ("complete", [])


def test_a_refusal_ends_the_run_and_says_what_to_do(exporter):
    exporter.store.proxy.fault(refusal(403, "AccessDenied"), times=9)
    result = exporter.run(0)
    assert result.exit_code == ExitCode.AUTHORISATION
    assert result.reason == "DestinationDenied"
    assert "grant" in result.message


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "InvalidRequest", "DestinationFailed"),
        (401, "", "CredentialsRefused"),
        (403, "SignatureDoesNotMatch", "CredentialsRefused"),
        (404, "NoSuchBucket", "BucketMissing"),
    ],
)
def test_a_store_that_repeats_what_it_was_asked_is_not_quoted(exporter, status, code, reason):
    """The fixture searches what the exporter and the reader printed for secrets."""
    for method in ("PUT", "GET", "HEAD"):
        exporter.store.proxy.fault(echo(status, code), method=method, times=99)
    assert exporter.run(0).reason == reason
    asked = ["coverage", "--destination", exporter.store.spec.url]
    exporter._end(exporter._process(asked, exporter.store.environ))
    assert str(exporter.store.open()) in exporter.outputs[-1]


def test_a_secret_without_the_key_is_named(exporter):
    for file in exporter.store.auth.iterdir():
        file.unlink()
    result = exporter.run(0)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.reason == "NoCredentials"
    assert "Secret" in result.message
