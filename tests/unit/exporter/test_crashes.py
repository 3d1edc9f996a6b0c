"""Any number of exporters on any windows, killed between any two steps: each instant once.

Exporters run in threads, but only one at a time takes a step: a step is anything in the
destination that others could notice. Hypothesis decides who goes next, and who is killed.
"""

import os
import threading
from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.runs import exported, run
from synclog.api.output import OutputFormat
from synclog.api.run import Purpose
from synclog.exporter import pipeline
from synclog.exporter.destination import Volume
from synclog.exporter.ledger import Ledger
from synclog.exporter.ledger.rules import accounted
from synclog.exporter.verify import Verdict, verify

HOURS = 6


class Killed(BaseException):
    """The process ends here and does nothing more, not even clean up."""


class Exporter:
    """A run in a thread that waits for its turn before each step."""

    def __init__(self, bench, storage, spec):
        self._turn = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self.done = self.killed = False
        self.result = None
        mine = type(storage)()
        mine.content = storage.content
        mine.step = self._step
        site = bench.site(mine)
        self._thread = threading.Thread(target=self._run, args=(spec, site))
        self._thread.start()
        self._paused.acquire()

    def _run(self, spec, site):
        try:
            self._step("start")
            self.result = pipeline.run(spec, site)
        except Killed:
            pass
        finally:
            self.done = True
            self._paused.release()

    def _step(self, _what):
        self._paused.release()
        self._turn.acquire()
        if self.killed:
            raise Killed

    def go(self, *, kill=False):
        """Take one step, or die before it."""
        self.killed |= kill
        self._turn.release()
        self._paused.acquire()
        if self.done:
            self._thread.join()


def windows():
    edges = st.integers(0, HOURS)
    return st.tuples(edges, edges).filter(lambda pair: pair[0] != pair[1]).map(sorted)


def interleave(storage, exporters, schedule):
    """Let the exporters take steps as scheduled, then let those who live finish."""
    try:
        for who, fate in schedule:
            exporter = exporters[who % len(exporters)]
            if not exporter.done:
                exporter.go(kill=fate == 0)
                never_half_visible(storage)
    finally:
        for exporter in exporters:
            while not exporter.done:
                exporter.go()


def rechecks(bench, window, round_):
    spec = bench.spec(window)
    return msgspec.structs.replace(spec, purpose=Purpose.RECHECK, recheck=round_)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    spans=st.lists(windows(), min_size=2, max_size=5),
    schedule=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=120),
)
def test_each_instant_once_whoever_is_killed(bench, memory, spans, schedule):
    bench.source.rows = []
    bench.fill([(hour / 4, f"e{hour}") for hour in range(HOURS * 4)] + [(2, "twin"), (2, "twin")])
    storage = memory()
    exporters = [
        Exporter(bench, storage, bench.spec(bench.hours(start, end))) for start, end in spans
    ]
    interleave(storage, exporters, schedule)
    never_half_visible(storage)
    # The operator comes back and exports what is missing, as it would.
    inspected = run(bench, None, site=bench.site(storage))
    ledger = Ledger(storage, clock=lambda: 0)
    for gap in accounted(ledger.head(inspected.ledger).so_far).gaps(bench.hours(0, HOURS)):
        assert pipeline.run(bench.spec(gap), bench.site(storage)).reason == "Exported"
    report = verify(storage, clock=lambda: 0)
    assert (report.verdict, report.findings) == (Verdict.COMPLETE, [])
    assert exported(bench, bench.hours(0, HOURS), storage) == bench.multiset(bench.hours(0, HOURS))
    told = sum(e.result.events for e in exporters if e.result and e.result.reason == "Exported")
    assert told <= report.totals.events


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    spans=st.lists(windows(), min_size=2, max_size=4),
    rounds=st.lists(st.sampled_from(["1h", "2h"]), min_size=4, max_size=4),
    schedule=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=120),
)
def test_each_late_event_once_whoever_is_killed(bench, memory, spans, rounds, schedule):
    bench.source.rows = []
    bench.fill([(hour / 2, f"e{hour}") for hour in range(HOURS * 2)])
    storage = memory()
    for start in range(0, HOURS, 2):
        window = bench.hours(start, start + 2)
        assert pipeline.run(bench.spec(window), bench.site(storage)).reason == "Exported"
    bench.fill([(hour / 4, f"late{hour}") for hour in range(HOURS * 4)] + [(2, "e4"), (2, "e4")])
    whole = bench.hours(0, HOURS)
    exporters = [
        Exporter(bench, storage, rechecks(bench, bench.hours(start, end), round_))
        for (start, end), round_ in zip(spans, rounds, strict=False)
    ]
    interleave(storage, exporters, schedule)
    last = pipeline.run(rechecks(bench, whole, "3h"), bench.site(storage))
    assert last.reason == "Rechecked"
    report = verify(storage, clock=lambda: 0)
    assert (report.verdict, report.findings) == (Verdict.COMPLETE, [])
    assert exported(bench, whole, storage) == bench.multiset(whole)
    assert report.totals.late_events == HOURS * 4 + 2


def never_half_visible(storage):
    """At any moment: every entry that exists is right, and all that it names is there."""
    report = verify(storage, clock=lambda: 0)
    assert [f for f in report.findings if f.reason != "LedgerMissing"] == []


CALLS = ("open", "write", "fsync", "link", "unlink", "mkdir")


class Machine:
    """Kills at the n-th system call that changes something; nothing works after that."""

    def __init__(self, monkeypatch, at, *, before):
        self.count = 0
        self.dead = False
        self._at, self._before = at, before
        for name in CALLS:
            monkeypatch.setattr(os, name, self._guarded(getattr(os, name)))

    def _guarded(self, call):
        def guarded(*args, **more):
            if self.dead:
                raise Killed
            self.count += 1
            mine = self.count == self._at
            if mine and self._before:
                self.dead = True
                raise Killed
            try:
                return call(*args, **more)
            finally:
                if mine:
                    self.dead = True
                    raise Killed

        return guarded


def calls_of_a_run(bench, volume, monkeypatch, form):
    with monkeypatch.context() as patch:
        machine = Machine(patch, at=None, before=True)
        assert run(bench, bench.hours(0, 6), form=form, site=bench.site(volume)).exit_code == 0
    return machine.count


@pytest.mark.parametrize("form", OutputFormat)
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_every_system_call_on_a_volume(bench, tmp_path, monkeypatch, before, form):
    bench.fill([(hour / 4, f"e{hour}") for hour in range(24)])
    (tmp_path / "count").mkdir()
    total = calls_of_a_run(bench, Volume(tmp_path / "count"), monkeypatch, form)
    assert total > 20
    for at in range(1, total + 1):
        folder = tmp_path / f"{before}{at}"
        folder.mkdir()
        volume = Volume(folder)
        with monkeypatch.context() as patch:
            Machine(patch, at, before=before)
            with pytest.raises(Killed):
                run(bench, bench.hours(0, 6), form=form, site=bench.site(volume))
        never_half_visible(volume)
        again = run(bench, bench.hours(0, 6), form=form, site=bench.site(volume))
        assert again.reason in {"Exported", "AlreadyCovered"}
        report = verify(volume, clock=lambda: 0)
        assert (report.verdict, report.events_checked) == (Verdict.COMPLETE, 24)
        # What is left over is out of sight of whoever reads the parts.
        assert all(path.startswith("_") for path in report.litter)
        assert exported(bench, bench.hours(0, 6), volume) == bench.multiset(bench.hours(0, 6))


def test_many_at_once_on_a_real_volume(bench, tmp_path):
    """Threads that really race, on a real file system, over every overlapping window."""
    bench.fill([(hour / 4, f"e{hour}") for hour in range(HOURS * 4)])
    volume = Volume(tmp_path)
    start = threading.Barrier(12)
    results = []

    def export(window):
        start.wait()
        results.append(pipeline.run(bench.spec(window), bench.site(volume)))

    edges = [(a, b) for a, b in pairwise(range(HOURS + 1))] * 2
    threads = [threading.Thread(target=export, args=(bench.hours(*edge),)) for edge in edges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(result.reason for result in results) == {
        "Exported": HOURS,
        "AlreadyCovered": HOURS,
    }
    assert verify(volume, clock=lambda: 0).verdict is Verdict.COMPLETE
    whole = bench.hours(0, HOURS)
    assert exported(bench, whole, volume) == bench.multiset(whole)
