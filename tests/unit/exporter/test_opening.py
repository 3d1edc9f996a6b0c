"""Whose ledger a destination holds: begun, recognised, adopted or refused."""

from support.runs import run
from synclog.api.run import ExitCode
from synclog.api.source import SourceFormat
from synclog.exporter.verify import verify
from synclog.windows import DAY, MINUTE, format_time


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
