"""The real ``synclog-export`` told to stop, or killed: it says so, and loses nothing."""

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter

from msgspec.structs import replace

from devcluster.code42.behaviour import Behaviour, Body, Faults, Population
from devcluster.code42.server import SimulatedCode42, running
from devcluster.code42.truth import from_json_lines
from support.exporting import PATIENCE, Pod, exported
from synclog.api.run import ExitCode


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
