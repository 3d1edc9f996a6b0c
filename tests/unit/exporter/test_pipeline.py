"""A run from its spec to its result."""

import gzip
from collections import Counter

import msgspec
import pytest

from synclog.api.output import Compression
from synclog.api.run import ExitCode, RunResult
from synclog.api.source import SourceFormat
from synclog.exporter import pipeline
from synclog.exporter.destination import Volume
from synclog.exporter.ledger import Ledger, Lost, WindowRecord
from synclog.exporter.ledger.rules import text_of
from synclog.exporter.pipeline import message
from synclog.exporter.query import Archive
from synclog.exporter.verify import Verdict, verify
from synclog.windows import DAY, HOUR, MINUTE, Window, format_time


def run(bench, window, *, index=0, site=None, **spec):
    return pipeline.run(bench.spec(window, **spec), site or bench.site(), index=index)


def records(bench):
    ledger = Ledger(bench.destination, clock=lambda: 0)
    head = ledger.head()
    return [ledger.entry(number)[0].record for number in range(1, head.number + 1)]


def exported(bench, window):
    archive = Archive(bench.destination, clock=lambda: 0)
    return Counter(
        f"{fields['logEventTimeStamp']},{fields['username']}".encode()
        for fields in (
            msgspec.json.decode(record, type=dict[str, str])
            for _, record in archive.events(window, folder=bench.spool)
        )
    )


def parts(bench):
    return [path for path in bench.destination.content if not path.startswith("_")]


def test_a_window_becomes_a_part_and_an_entry(bench):
    bench.fill([(0, "edge"), (1, "ana"), (1, "ana"), (23.999, "bo"), (24, "next day")])
    result = run(bench, bench.hours(0, 24))
    assert (result.outcome, result.reason, result.exit_code) == ("Succeeded", "Exported", 0)
    assert (result.events, result.parts, result.requests) == (4, 1, 1)
    [path] = parts(bench)
    assert path.startswith("year=2026/month=05/day=30/20260530T000000000Z_20260531T000000000Z_000_")
    assert path.endswith(".csv.gz")
    plain = gzip.decompress(bench.destination.content[path])
    assert plain.splitlines()[0] == b"logEventTimeStamp,username"
    assert Counter(plain.splitlines()[1:]) == bench.multiset(bench.hours(0, 24))
    assert result.stored_bytes == len(bench.destination.content[path])
    assert result.totals.events == 4
    assert [each.start for each in result.coverage.intervals] == ["2026-05-30T00:00:00.000Z"]
    assert result.ledger.head == 1


def test_an_empty_window_is_an_entry_without_parts(bench):
    result = run(bench, bench.hours(0, 24))
    assert (result.reason, result.events, result.parts) == ("Exported", 0, 0)
    assert parts(bench) == []
    assert isinstance(records(bench)[0], WindowRecord)


def test_a_covered_window_is_a_cheap_success(bench):
    run(bench, bench.hours(0, 24))
    bench.source.asked.clear()
    result = run(bench, bench.hours(3, 5))
    assert (result.outcome, result.reason, result.events) == ("Succeeded", "AlreadyCovered", 0)
    assert bench.source.asked == []


def test_a_window_that_overlaps_is_refused_before_the_source_is_asked(bench):
    run(bench, bench.hours(0, 24))
    bench.source.asked.clear()
    result = run(bench, bench.hours(12, 36))
    assert (result.reason, result.exit_code) == ("WindowOverlaps", ExitCode.INTEGRITY)
    assert "2026-05-31T00:00:00.000Z, 2026-05-31T12:00:00.000Z" in result.message
    assert bench.source.asked == []
    assert result.ledger.head == 1


def test_each_index_has_its_window(bench):
    bench.fill([(1, "a"), (25, "b")])
    span = bench.hours(0, 48)
    second = run(bench, span, step=DAY, index=1)
    assert (second.window.start, second.events) == ("2026-05-31T00:00:00.000Z", 1)
    assert run(bench, span, step=DAY, index=2).reason == "InvalidRunSpec"


def test_uncompressed_parts(bench):
    bench.fill([(1, "a")])
    run(bench, bench.hours(0, 24), compression=Compression.NONE)
    [path] = parts(bench)
    assert path.endswith(".csv")
    assert bench.destination.content[path].startswith(b"logEventTimeStamp,username\n2026-05-30")


@pytest.mark.parametrize("compression", Compression)
def test_every_compression_comes_back(bench, compression):
    bench.fill([(hour / 10, "some one") for hour in range(240)])
    window = bench.hours(0, 24)
    assert run(bench, window, compression=compression).parts == 1
    assert exported(bench, window) == bench.multiset(window)
    assert verify(bench.destination, clock=lambda: 0).verdict is Verdict.COMPLETE


def test_large_windows_become_parts_that_each_have_a_header(bench):
    bench.fill([(hour / 20_000, f"{hour}" + "x" * 50) for hour in range(60_000)])
    bench.source.rows.extend(bench.source.rows[:1000])
    bench.destination.part_size = 1 << 20
    window = bench.hours(0, 24)
    result = run(bench, window)
    assert result.parts == len(parts(bench)) > 3
    for path in parts(bench):
        plain = gzip.decompress(bench.destination.content[path])
        assert plain.startswith(bench.source.header)
        assert plain.endswith(b"\n")
    assert exported(bench, window) == bench.multiset(window)
    assert verify(bench.destination, clock=lambda: 0).verdict is Verdict.COMPLETE


# Settling.


def test_a_young_window_is_left(bench):
    end = bench.source.now - 14 * MINUTE
    result = run(bench, Window(end - HOUR, end))
    assert (result.reason, result.exit_code) == ("NotSettled", ExitCode.NOT_SETTLED)
    assert bench.source.asked == []
    assert result.ledger.head == 0


@pytest.mark.parametrize(("ahead", "reason"), [(2 * MINUTE, "NotSettled"), (0, "Exported")])
def test_the_earlier_clock_decides(bench, ahead, reason):
    bench.source.local = bench.source.now
    bench.source.now += ahead  # the source's clock is ahead: the local one decides
    end = bench.source.local - 15 * MINUTE + ahead // 2
    assert run(bench, Window(end - HOUR, end)).reason == reason
    bench.source.now -= 2 * ahead  # and the other way round
    end = bench.source.now - 15 * MINUTE + ahead // 2
    assert run(bench, Window(end - HOUR, end)).reason in {reason, "AlreadyCovered"}


def test_a_window_that_is_nearly_settled_is_waited_for(bench):
    end = bench.source.now - 15 * MINUTE + 1500
    site = bench.site(patience=60.0)
    waited = []

    class Stop:
        def is_set(self):
            return False

        def wait(self, seconds):
            waited.append(seconds)
            bench.source.now += int(seconds * 1000)

    result = pipeline.run(bench.spec(Window(end - HOUR, end)), _with(site, stop=Stop()))
    assert result.reason == "Exported"
    assert waited == [1.5]


def _with(site, **changes):
    fields = {name: getattr(site, name) for name in site.__dataclass_fields__}
    return type(site)(**{**fields, **changes})


# Retention.


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


# Inspecting, identity, ownership.


def test_inspect_begins_a_ledger_and_tells_its_head(bench):
    result = run(bench, None)
    assert (result.outcome, result.reason) == ("Succeeded", "Inspected")
    assert (result.ledger.head, result.coverage.intervals) == (0, [])
    assert result.coverage.from_ == "2026-05-30T00:00:00.000Z"
    assert run(bench, None).ledger == result.ledger


def test_coverage_begins_where_the_source_still_remembers(bench):
    result = run(bench, None, coverage_start=bench.source.now - 400 * DAY)
    oldest = bench.source.now - 90 * DAY
    # 15 minutes ahead, since the source goes on forgetting.
    assert result.coverage.from_ == format_time(oldest + 15 * MINUTE)


def test_the_pin_of_the_ledger_wins(bench):
    run(bench, None)
    again = run(bench, None, coverage_start=bench.source.now - DAY)
    assert again.coverage.from_ == "2026-05-30T00:00:00.000Z"


def test_another_tenant_is_refused(bench):
    run(bench, None)
    result = run(bench, None, tenant="other.example.com")
    assert (result.reason, result.exit_code) == ("TenantMismatch", ExitCode.CONFIGURATION)


def test_another_format_is_refused(bench):
    run(bench, None)
    result = run(bench, None, source_format=SourceFormat.JSON)
    assert (result.reason, result.exit_code) == ("FormatMismatch", ExitCode.CONFIGURATION)


def test_another_owner_is_refused_unless_it_adopts(bench):
    run(bench, bench.hours(0, 1))
    refused = run(bench, bench.hours(1, 2), owner="next")
    assert (refused.reason, refused.exit_code) == ("OwnedByAnother", ExitCode.CONFIGURATION)
    assert run(bench, bench.hours(1, 2), owner="next", adopt=True).reason == "Exported"
    assert run(bench, bench.hours(2, 3), owner="next").reason == "Exported"
    assert run(bench, bench.hours(3, 4)).reason == "OwnedByAnother"
    assert verify(bench.destination, clock=lambda: 0).owner.name == "next"


def test_a_ledger_that_was_swapped_is_an_integrity_failure(bench, memory):
    seen = run(bench, bench.hours(0, 1)).ledger
    bench.destination = memory()
    result = run(bench, bench.hours(1, 2), ledger=seen)
    assert (result.reason, result.exit_code) == ("LedgerMissing", ExitCode.INTEGRITY)
    assert bench.destination.content == {}


# Stopping and failing.


def test_a_stop_before_the_entry_commits_nothing(bench):
    bench.fill([(1, "a")])
    bench.source.on_read = bench.stop.set
    result = run(bench, bench.hours(0, 24))
    assert (result.reason, result.exit_code) == ("Interrupted", ExitCode.INTERRUPTED)
    assert "nothing is half done" in result.message
    assert (parts(bench), records(bench)) == ([], [])


def test_an_error_that_nobody_foresaw_says_nothing_secret(bench, caplog):
    def explode():
        raise RuntimeError("Authorization: Bearer s3cr3t")

    bench.source.on_read = explode
    result = run(bench, bench.hours(0, 24))
    assert (result.reason, result.exit_code) == ("Unexpected", ExitCode.UNEXPECTED)
    assert "s3cr3t" not in result.message
    assert "RuntimeError" in result.message
    assert "unexpected error" in caplog.text


def test_a_part_that_was_changed_under_its_name_is_not_taken(bench):
    bench.fill([(1, "a")])
    run(bench, bench.hours(0, 24))
    [path] = parts(bench)
    bench.destination.content = {path: b"forged"}
    result = run(bench, bench.hours(0, 24))
    assert (result.reason, result.exit_code) == ("PartDiffers", ExitCode.INTEGRITY)


def test_a_repeated_run_writes_the_same_names(bench):
    bench.fill([(1, "a")])
    run(bench, bench.hours(0, 24))
    kept = {path: bench.destination.content[path] for path in parts(bench)}
    bench.destination.content = dict(kept)
    assert run(bench, bench.hours(0, 24)).reason == "Exported"
    assert {path: bench.destination.content[path] for path in parts(bench)} == kept


def test_on_a_real_volume(bench, tmp_path):
    bench.fill([(hour / 10, "a") for hour in range(240)])
    (tmp_path / "volume").mkdir()
    volume = Volume(tmp_path / "volume")
    for start in range(0, 24, 6):
        result = run(bench, bench.hours(start, start + 6), site=bench.site(volume))
        assert result.reason == "Exported"
    report = verify(volume, clock=lambda: 0)
    assert (report.verdict, report.events_checked, report.litter) == (Verdict.COMPLETE, 240, [])


@pytest.mark.parametrize("intervals", [0, 1, 20, 500])
def test_the_termination_message_fits_and_keeps_what_is_near(bench, intervals):
    result = run(bench, bench.hours(0, 1))
    many = [_text(bench, 2 * n, 2 * n + 1) for n in range(intervals)]
    near = _text(bench, intervals, intervals + 1)
    coverage = msgspec.structs.replace(result.coverage, intervals=many, lost=many[::3])
    result = msgspec.structs.replace(result, coverage=coverage, window=near, message="é" * 3000)
    data = message.encode(result)
    assert len(data) < 4096
    told = msgspec.json.decode(data, type=RunResult)
    assert told.coverage.truncated is (intervals == 500)
    assert set(map(_key, told.coverage.intervals)) <= set(map(_key, many))
    if intervals == 500:
        assert told.coverage.intervals[0] == many[0]
        kept = [many.index(each) for each in told.coverage.intervals[1:]]
        assert len(kept) > 10
        # Around the window, which is in the middle of the five hundred.
        assert min(kept) < 250 < max(kept)
        assert kept == sorted(kept)
    else:
        assert told.coverage.intervals == many


def _text(bench, start, end):
    return text_of(bench.hours(start, end))


def _key(text):
    return (text.start, text.end)
