"""A run from its spec to its result."""

import gzip
from collections import Counter

import pytest

from support.runs import exported, parts, records, run
from synclog.api.output import Compression
from synclog.api.run import ExitCode
from synclog.exporter.destination import Volume
from synclog.exporter.ledger import WindowRecord
from synclog.exporter.verify import Verdict, verify
from synclog.windows import DAY


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
    assert result.requests == 1
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
