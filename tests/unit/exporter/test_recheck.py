"""Rechecks add what was late, note what vanished, and never add what only looks different."""

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.runs import events, records, run
from synclog.api.output import OutputFormat
from synclog.api.rounds import by_time
from synclog.api.run import ExitCode
from synclog.api.source import SourceFormat
from synclog.exporter import compare
from synclog.exporter.compare import Served, Vanished, late
from synclog.exporter.ledger import Recheck
from synclog.exporter.ledger.entries import path_of
from synclog.exporter.verify import Verdict, verify
from synclog.windows import DAY, HOUR, Window, format_time


def export(bench, window, **spec):
    assert run(bench, window, **spec).reason == "Exported"


def recheck(bench, window, round_="24h", **spec):
    return run(bench, window, recheck=round_, **spec)


def last(bench):
    return records(bench)[-1]


def test_late_events_become_an_addendum(bench):
    window = bench.hours(0, 24)
    bench.fill([(1, "a"), (2, "twin"), (3, "c")])
    export(bench, window)
    bench.fill([(0, "first"), (2, "twin"), (2.5, "late")])
    result = recheck(bench, window)
    assert (result.outcome, result.reason) == ("Succeeded", "Rechecked")
    assert (result.late_events, result.totals.late_events, result.totals.events) == (3, 3, 6)
    record = last(bench)
    assert isinstance(record, Recheck)
    assert (record.against, record.served, record.vanished) == (1, 6, 0)
    found = events(bench, window)
    assert Counter(found) == bench.multiset(window)
    assert found == sorted(found)
    assert verify(bench.destination, clock=lambda: 0).verdict is Verdict.COMPLETE
    assert result.totals.windows == 1


def test_a_recheck_that_finds_nothing_is_an_entry_too(bench):
    bench.fill([(1, "a")])
    export(bench, bench.hours(0, 24))
    result = recheck(bench, bench.hours(0, 24))
    assert (result.reason, result.late_events, result.parts) == ("Rechecked", 0, 0)
    assert isinstance(last(bench), Recheck)
    assert result.coverage.rechecked["24h"] == result.coverage.intervals


def test_each_round_is_done_once_for_each_window(bench):
    export(bench, bench.hours(0, 24))
    assert recheck(bench, bench.hours(0, 12)).reason == "Rechecked"
    assert recheck(bench, bench.hours(0, 12)).reason == "AlreadyCovered"
    assert recheck(bench, bench.hours(6, 24)).reason == "Rechecked"
    assert bench.source.asked[-1] == bench.hours(12, 24)
    assert recheck(bench, bench.hours(0, 24)).reason == "AlreadyCovered"
    assert recheck(bench, bench.hours(0, 24), "12h").reason == "Rechecked"


def test_a_window_that_is_old_when_it_is_exported_needs_no_recheck(bench):
    window = bench.hours(0, 24)  # its end is 36 hours ago
    export(bench, window, rounds=["24h", "36h", "37h"])
    asked = len(bench.source.asked)
    assert recheck(bench, window, "24h").reason == "AlreadyCovered"
    assert recheck(bench, window, "36h").reason == "AlreadyCovered"
    assert len(bench.source.asked) == asked
    bench.source.now += HOUR
    assert recheck(bench, window, "37h").reason == "Rechecked"


def test_a_late_recheck_stands_for_earlier_rounds_too(bench):
    window = bench.hours(0, 24)
    export(bench, window)
    result = recheck(bench, window, "36h", rounds=["24h", "36h", "7d"])
    assert sorted(result.coverage.rechecked) == ["24h", "36h"]
    assert recheck(bench, window, "24h").reason == "AlreadyCovered"


def at(bench, hours):
    """A time so many hours after midnight, as the name of a round."""
    return by_time(bench.hours(0, hours).end)


def test_a_look_back_reads_again_what_was_read_before_it(bench):
    window = bench.hours(0, 24)
    export(bench, window)
    bench.fill([(1, "late")])
    assert recheck(bench, window, at(bench, 59)).late_events == 1
    assert recheck(bench, window, at(bench, 59)).reason == "AlreadyCovered"
    assert recheck(bench, window, at(bench, 60)).reason == "Rechecked"


def test_what_is_exported_for_a_look_back_is_not_read_again_for_it(bench):
    window = bench.hours(0, 24)
    export(bench, window, rounds=[at(bench, 58)])
    assert recheck(bench, window, at(bench, 58)).reason == "AlreadyCovered"


def test_a_ledger_remembers_the_newest_look_back_only(bench):
    window = bench.hours(0, 24)
    export(bench, window, rounds=["24h", at(bench, 56)])
    for hours in (57, 59, 58):  # the last one is of a run that was late
        result = recheck(bench, window, at(bench, hours))
        assert result.reason == "Rechecked"
    assert result.coverage.rechecked.keys() == {"24h", at(bench, 59)}
    assert verify(bench.destination, clock=lambda: 0).verdict is Verdict.COMPLETE


def test_a_look_back_of_the_future_is_not_had(bench):
    window = bench.hours(0, 24)
    result = run(bench, window, rounds=[at(bench, 61)])
    assert result.coverage.rechecked == {}
    assert recheck(bench, window, at(bench, 61)).reason == "NotSettled"


def test_only_what_is_exported_is_rechecked(bench):
    export(bench, bench.hours(6, 12))
    assert recheck(bench, bench.hours(12, 24)).reason == "AlreadyCovered"
    assert recheck(bench, bench.hours(0, 24)).reason == "Rechecked"
    assert bench.source.asked[-1] == bench.hours(6, 12)


def test_a_second_recheck_does_not_add_the_same_again(bench):
    window = bench.hours(0, 24)
    export(bench, window)
    bench.fill([(1, "late"), (1, "late")])
    assert recheck(bench, window).late_events == 2
    assert recheck(bench, window, "30h").late_events == 0
    bench.fill([(1, "late")])
    assert recheck(bench, window, "36h").late_events == 1
    assert Counter(events(bench, window)) == bench.multiset(window)
    assert verify(bench.destination, clock=lambda: 0).verdict is Verdict.COMPLETE


def test_a_recheck_over_several_windows_finds_what_belongs_where(bench):
    bench.fill([(hour, f"e{hour}") for hour in range(24)])
    for start in range(0, 24, 8):
        export(bench, bench.hours(start, start + 8))
    bench.fill([(7.5, "l1"), (8, "l2"), (23, "l3")])
    result = recheck(bench, bench.hours(4, 24))
    assert result.late_events == 3
    found = events(bench, bench.hours(0, 24))
    assert found == sorted(found)
    assert Counter(found) == bench.multiset(bench.hours(0, 24))


def test_what_vanished_is_noted_and_stays(bench):
    window = bench.hours(0, 24)
    bench.fill([(1, "a"), (2, "b"), (2, "b"), (3, "c")])
    export(bench, window)
    bench.source.rows = bench.source.rows[:2]
    result = recheck(bench, window)
    assert (last(bench).vanished, result.late_events) == (2, 0)
    assert "2 events that were exported are gone at the source" in result.message
    assert len(events(bench, window)) == 4


def test_another_way_of_writing_is_no_difference(bench):
    window = bench.hours(0, 24)
    bench.fill([(1, "a")])
    export(bench, window)
    bench.source.header = b"username,logEventTimeStamp\n"
    at = bench.source.rows[0][0]
    bench.source.rows = [(at, b'"a",2026-05-30T03:00:00.000+02:00')]
    result = recheck(bench, window)
    assert (result.reason, result.late_events, last(bench).vanished) == ("Rechecked", 0, 0)


def test_other_columns_are_never_an_addendum(bench):
    window = bench.hours(0, 24)
    bench.fill([(1, "a")])
    export(bench, window)
    bench.source.header = b"logEventTimeStamp,username,extra\n"
    bench.source.rows = [(at, text + b",x") for at, text in bench.source.rows]
    result = recheck(bench, window)
    assert (result.reason, result.exit_code) == ("SourceSchemaChanged", ExitCode.INTEGRITY)
    assert "extra" in result.message
    assert not isinstance(last(bench), Recheck)


def test_json_null_is_absent_and_order_is_nothing(bench):
    window = bench.hours(0, 24)
    bench.source.header = b""
    at = window.start + HOUR
    bench.source.rows = [(at, b'{"t":1,"date":"2026-05-30T01:00:00Z","x":null}')]
    export(bench, window, source_format=SourceFormat.JSON)
    bench.source.rows = [(at, b'{"date":"2026-05-30T01:00:00.000Z", "t":1}')]
    result = recheck(bench, window, source_format=SourceFormat.JSON)
    assert (result.reason, result.late_events, last(bench).vanished) == ("Rechecked", 0, 0)


def test_a_young_window_waits(bench):
    end = bench.source.now - 20 * HOUR
    window = Window(end - HOUR, end)
    export(bench, window, coverage_start=window.start)
    assert recheck(bench, window).exit_code == ExitCode.NOT_SETTLED
    assert recheck(bench, window, "20h").reason == "Rechecked"


def test_a_round_is_a_duration(bench):
    result = recheck(bench, bench.hours(0, 1), "soon")
    assert (result.reason, result.exit_code) == ("InvalidRunSpec", ExitCode.CONFIGURATION)


def test_what_the_source_forgot_is_not_called_vanished(bench):
    window = bench.hours(0, 24)
    bench.fill([(hour, f"e{hour}") for hour in range(24)])
    export(bench, window)
    bench.source.now = window.start + bench.source.retention + 5 * HOUR
    result = recheck(bench, window)
    assert (result.reason, last(bench).vanished) == ("Rechecked", 0)
    assert bench.source.asked[-1] == bench.hours(6, 24)  # an hour ahead of the forgetting
    bench.source.now += DAY
    assert recheck(bench, window, "48h").reason == "RecheckTooLate"


def test_who_is_overtaken_compares_again(bench):
    window = bench.hours(0, 24)
    export(bench, window)
    bench.fill([(1, "late")])
    read, overtaken = bench.source.read, []

    def overtake(window, spool, progress=None):
        if not overtaken:
            overtaken.append(True)
            assert recheck(bench, window, "30h").late_events == 1
        return read(window, spool, progress)

    bench.source.read = overtake
    # The other was faster between our look at the ledger and our entry; it had the event.
    result = recheck(bench, window)
    assert (result.reason, result.late_events) == ("Rechecked", 0)
    assert Counter(events(bench, window)) == bench.multiset(window)


def test_the_verifier_finds_a_recheck_that_did_not_know_all(bench):
    window = bench.hours(0, 24)
    export(bench, window)
    bench.fill([(1, "late")])
    recheck(bench, window)
    bench.fill([(2, "later")])
    recheck(bench, window, "30h")
    path = path_of(3)
    entry = json.loads(bench.destination.content[path])
    entry["record"]["against"] = 1
    bench.destination.content[path] = json.dumps(entry).encode()
    report = verify(bench.destination, clock=lambda: 0)
    assert [(each.reason, each.entry) for each in report.findings] == [("RecheckOvertaken", 3)]


def test_an_entry_elsewhere_does_not_matter(bench):
    export(bench, bench.hours(0, 24))
    bench.fill([(1, "late")])
    read, asked = bench.source.read, []

    def meanwhile(window, spool, progress=None):
        asked.append(window)
        if len(asked) == 1:
            export(bench, bench.hours(24, 30))
        return read(window, spool, progress)

    bench.source.read = meanwhile
    assert recheck(bench, bench.hours(0, 24)).late_events == 1
    assert last(bench).against == 1
    assert asked.count(bench.hours(0, 24)) == 1


KEYS = st.builds(
    lambda form, finer: bytes([form * 40]) * 16 + b"%06d" % finer,
    st.integers(0, 6),
    st.sampled_from([0, 0, 123_000, 123_456]),
)


@given(archived=st.lists(KEYS), served=st.lists(KEYS), partition=st.sampled_from([1, 5, 10**6]))
def test_the_difference_of_multisets(tmp_path_factory, archived, served, partition):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "_PARTITION", partition)
        vanished = Vanished()
        found = list(
            late(
                archived,
                [Served(key, number, b"r%d" % number) for number, key in enumerate(served)],
                vanished,
                expected=max(len(archived), len(served)),
                folder=tmp_path_factory.getbasetemp(),
            )
        )
    had, shown = (Counter(key[:16] for key in keys) for keys in (archived, served))
    assert Counter(each.key[:16] for each in found) == shown - had
    assert Counter(each.key for each in found) <= Counter(served) - Counter(archived)
    assert vanished.count == (had - shown).total()
    assert all(each.record == b"r%d" % each.instant for each in found)
    assert (vanished.hexdigest() == "") is (vanished.count == 0)


def finer(bench, digits):
    """A row of one millisecond, with so many digits below it."""
    at = bench.hours(2, 3).start
    return at, f"{format_time(at)[:-1]}{digits}Z,twin".encode()


@pytest.mark.parametrize("form", list(OutputFormat))
def test_of_two_events_that_differ_below_the_millisecond_the_late_one_is_added(bench, form):
    window = bench.hours(0, 24)
    one, other = finer(bench, "111"), finer(bench, "222")
    bench.source.rows = [one]
    export(bench, window, form=form)
    bench.source.rows = [other, one]
    assert recheck(bench, window, form=form).late_events == 1
    assert Counter(events(bench, window)) == Counter([one[1], other[1]])


@pytest.mark.parametrize("form", list(OutputFormat))
@pytest.mark.parametrize(("before", "now"), [("", "111"), ("111", ""), ("111", "111222")])
def test_a_source_that_changes_how_finely_it_shows_times_doubles_nothing(bench, form, before, now):
    window = bench.hours(0, 24)
    bench.source.rows = [finer(bench, before)] * 2
    export(bench, window, form=form)
    bench.source.rows = [finer(bench, now)] * 3
    result = recheck(bench, window, form=form)
    assert result.late_events == 1
    assert last(bench).vanished == 0


def test_what_the_source_may_have_forgotten_is_named(bench):
    window = bench.hours(0, 24)
    export(bench, window)
    bench.source.now = bench.hours(3, 4).start + bench.source.retention
    result = recheck(bench, window)
    assert result.reason == "Rechecked"
    edge = format_time(bench.hours(4, 5).start)
    assert f"what is before {edge}: it is not compared" in result.message
    assert result.coverage.rechecked["24h"][0].start == edge


def test_a_part_that_was_changed_is_nothing_to_compare_with(bench):
    """Its event would be added a second time, for good, whoever restores the part."""
    window = bench.hours(0, 24)
    bench.fill([(1, "one"), (2, "two")])
    export(bench, window)
    [path] = [path for path in bench.destination.content if not path.startswith("_")]
    written = bench.destination.content[path]
    bench.destination.content[path] = gzip.compress(
        gzip.decompress(written).replace(b"one", b"onf")
    )
    result = recheck(bench, window)
    assert (result.reason, result.exit_code) == ("PartDamaged", ExitCode.INTEGRITY)
    bench.destination.content[path] = written
    assert recheck(bench, window).late_events == 0
