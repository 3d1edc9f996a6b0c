"""What the source is forgetting: cut ahead of it, and recorded as lost only after asking."""

import pytest

from support.runs import exported, records, run
from synclog.api.run import ExitCode
from synclog.exporter.ledger import Lost, WindowRecord
from synclog.exporter.verify import Verdict, verify
from synclog.windows import DAY, HOUR, MINUTE, Window, format_time


def old(bench, start, end):
    """A window in hours around what the source has begun to forget."""
    floor = bench.source.now - bench.source.retention
    return Window(floor + int(start * HOUR), floor + int(end * HOUR))


def test_what_the_source_forgot_is_recorded_as_lost_after_asking(bench):
    window = old(bench, -30, -6)
    result = run(bench, window)
    assert (result.outcome, result.reason, result.events) == ("Succeeded", "Lost", 0)
    assert bench.source.asked == [window]
    [record] = records(bench)
    assert isinstance(record, Lost)
    assert result.coverage.lost[0].start == format_time(window.start)
    assert result.coverage.intervals == []
    assert result.totals.windows == 0
    report = verify(bench.destination, clock=lambda: 0)
    assert (report.verdict, report.gaps) == (Verdict.GAPS, [])  # nobody asked for what follows
    assert report.coverage_start == format_time(window.start)
    assert report.coverage_end == format_time(window.end)


def test_a_window_on_the_edge_is_cut_and_nothing_that_is_served_is_thrown_away(bench):
    floor = bench.source.now - bench.source.retention
    bench.source.retention += DAY  # it serves a little more than it promises
    times = [floor - 2 * HOUR, floor - 1, floor, floor + 30_000, floor + MINUTE, floor + 3 * HOUR]
    bench.source.rows = [(at, bench.row(at, f"n{at}")) for at in times]
    window = Window(floor - 5 * HOUR, floor + 5 * HOUR)
    result = run(bench, window)
    assert (result.reason, result.events) == ("PartlyLost", 6)
    lost, kept = records(bench)
    edge = format_time(floor + MINUTE)
    assert isinstance(lost, Lost)
    assert (lost.window.end, lost.content.events) == (edge, 4)
    assert isinstance(kept, WindowRecord)
    assert (kept.window.start, kept.content.events) == (edge, 2)
    assert exported(bench, window) == bench.multiset(window)
    report = verify(bench.destination, clock=lambda: 0)
    assert (report.verdict, report.findings) == (Verdict.GAPS, [])


def test_a_slow_reading_widens_the_margin(bench):
    bench.source.per_read = 3 * MINUTE
    result = run(bench, old(bench, -1, 10))
    assert result.reason == "PartlyLost"
    lost, kept = records(bench)
    # The second margin of ten minutes outlasts the reading of three.
    assert len(bench.source.asked) == 3
    assert lost.window.end == kept.window.start == format_time(bench.source.asked[1].start)


def test_a_window_that_expires_while_it_is_read_is_read_again_in_two(bench):
    bench.source.per_read = 2 * MINUTE
    window = old(bench, 1 / 60, 10)  # its first minute is forgotten before it is read
    result = run(bench, window)
    assert result.reason == "PartlyLost"
    assert bench.source.asked[0] == window


def test_a_source_that_forgets_faster_than_it_is_read(bench):
    bench.source.per_read = 2 * HOUR
    result = run(bench, old(bench, -1, 10))
    assert (result.reason, result.exit_code) == ("RetentionOvertakes", ExitCode.SOURCE)
    assert records(bench) == []


def test_nothing_is_lost_by_a_wrong_clock(bench):
    bench.source.local = bench.source.now - 10 * MINUTE
    result = run(bench, old(bench, -30, -6))
    assert (result.reason, result.exit_code) == ("ClockDisagreement", ExitCode.SOURCE)
    assert records(bench) == []


def test_a_retry_goes_on_behind_what_is_lost_already(bench):
    window = old(bench, -5, 5)
    bench.fill([])
    at = window.end - HOUR
    bench.source.rows = [(at, bench.row(at))]
    before = bench.destination.create

    def crash_at_the_window(path, data):
        if path.startswith("_") and b'"kind": "window"' in data:
            raise KeyboardInterrupt
        return before(path, data)

    bench.destination.create = crash_at_the_window
    with pytest.raises(KeyboardInterrupt):
        run(bench, window)
    bench.destination.create = before
    bench.source.now += MINUTE // 2
    result = run(bench, window)
    assert (result.reason, result.events) == ("Exported", 1)
    lost, kept = records(bench)
    assert lost.window.end == kept.window.start
    assert kept.window.end == format_time(window.end)
