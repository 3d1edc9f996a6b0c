"""What is known of the ledger: union of everything that was ever told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.api.run import LedgerCoverage, LedgerHead, RunResult, Totals, WindowText
from synclog.api.status import GapState, Ledger, SyncLogExportStatus
from synclog.planning.coverage import LISTED, Known, Outlook, describe, known, watermark
from synclog.windows import HOUR, Window, Windows, format_time

HEAD = LedgerHead(id="a", head=7, digest="d")


def told(*windows, head=HEAD, lost=(), events=0):
    def text(found):
        return [WindowText(start=format_time(w.start), end=format_time(w.end)) for w in found]

    return RunResult(
        outcome="Succeeded",
        reason="Exported",
        ledger=head,
        coverage=LedgerCoverage(from_=format_time(0), intervals=text(windows), lost=text(lost)),
        totals=Totals(events=events),
    )


hours = st.builds(
    lambda start, length: Window(start * HOUR, (start + length) * HOUR),
    st.integers(0, 40),
    st.integers(1, 5),
)


@given(st.lists(st.lists(hours, max_size=4), max_size=5))
def test_every_interval_that_any_result_names_is_known(messages):
    results = [told(*windows) for windows in messages]
    expected = Windows(window for windows in messages for window in windows)
    assert known(SyncLogExportStatus(), results).covered == expected
    assert known(SyncLogExportStatus(), reversed(results)).covered == expected


@given(st.lists(hours, max_size=6), st.lists(hours, max_size=2), st.integers(0, 50))
def test_a_status_remembers_what_it_was_told(windows, lost, due):
    found = known(SyncLogExportStatus(), [told(*windows, lost=lost, events=3)])
    coverage = describe(found, Outlook(due_until=due * HOUR))
    ledger = Ledger(id="a", head=7, digest="d")
    status = SyncLogExportStatus(coverage=coverage, ledger=ledger)
    again = known(status, [])
    assert again.covered == found.covered
    assert again.lost == found.lost
    assert watermark(again) == watermark(found)


def test_totals_are_those_of_the_newest_head_whatever_the_order():
    old, new = told(events=5), told(events=9, head=LedgerHead(id="a", head=8, digest="e"))
    for order in ([old, new], [new, old]):
        found = known(SyncLogExportStatus(), order)
        assert found.totals.events == 9
        assert found.ledger is not None
        assert found.ledger.head == 8


def test_another_ledger_is_not_mixed_in():
    other = told(Window(0, HOUR), head=LedgerHead(id="b", head=99, digest="x"))
    found = known(SyncLogExportStatus(), [told(Window(HOUR, 2 * HOUR)), other])
    assert found.ledger == HEAD
    assert found.covered == Windows([Window(HOUR, 2 * HOUR)])


@pytest.mark.parametrize(
    ("exporting", "tried", "states"),
    [
        ([], [], ["pending"]),
        ([Window(HOUR, 2 * HOUR)], [], ["exporting"]),
        ([], [Window(HOUR, 2 * HOUR)], ["failed"]),
        ([Window(HOUR, 2 * HOUR)], [Window(0, 3 * HOUR)], ["exporting"]),
    ],
)
def test_a_gap_says_what_is_done_about_it(exporting, tried, states):
    found = known(SyncLogExportStatus(), [told(Window(0, HOUR), Window(2 * HOUR, 3 * HOUR))])
    coverage = describe(
        found,
        Outlook(due_until=3 * HOUR, exporting=Windows(exporting), tried=Windows(tried)),
    )
    assert coverage is not None
    assert [gap.state.value for gap in coverage.gaps] == states
    assert (coverage.gap_count, coverage.gap_seconds) == (1, 3600)


def test_the_lost_is_a_gap_of_its_own_kind_and_does_not_hold_the_watermark():
    found = known(SyncLogExportStatus(), [told(Window(HOUR, 2 * HOUR), lost=[Window(0, HOUR)])])
    coverage = describe(found, Outlook(due_until=2 * HOUR))
    assert coverage is not None
    assert [gap.state for gap in coverage.gaps] == [GapState.LOST]
    assert (coverage.gap_count, coverage.lost_seconds) == (0, 3600)
    assert watermark(found) == 2 * HOUR


def test_a_status_lists_a_bounded_number_of_intervals_with_the_newest():
    windows = [Window(2 * i * HOUR, (2 * i + 1) * HOUR) for i in range(LISTED + 50)]
    found = Known(ledger=HEAD, start=0, covered=Windows(windows))
    coverage = describe(found, Outlook(due_until=windows[-1].end))
    assert coverage is not None
    assert len(coverage.intervals) == LISTED
    assert coverage.intervals[-1].end == format_time(windows[-1].end)
    assert len(coverage.gaps) == LISTED
    assert coverage.gap_count == LISTED + 49
