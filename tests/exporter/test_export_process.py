"""The real ``synclog-export`` process against the simulated source over real HTTP."""

import json
from collections import Counter

import pytest
from msgspec.structs import replace

from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.server import running
from devcluster.code42.truth import from_csv, from_json_lines
from support.exporting import Pod, exported
from synclog.api.run import ExitCode
from synclog.api.source import SourceFormat
from synclog.windows import DAY, HOUR, Window, format_time


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
