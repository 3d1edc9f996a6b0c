"""What people see: the calendar, the progress line, the logs, the inputs."""

import argparse
import io
import json
import logging

import pytest

from synclog.api import run
from synclog.api.run import ENV_RUN_SPEC, ExitCode, Purpose
from synclog.cli import export
from synclog.cli.exporting import inputs, logs
from synclog.cli.exporting.calendar import calendar
from synclog.cli.exporting.progress import Progress, human_bytes
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.ledger.coverage import Coverage
from synclog.windows import DAY, HOUR, Window, Windows, parse_time

FEBRUARY = parse_time("2028-02-01T00:00:00Z")


def covered(*, exported=(), lost=(), start=FEBRUARY, end=FEBRUARY + 31 * DAY):
    return Coverage(start, end, start, Windows(exported), Windows(lost), Windows())


def test_a_calendar_has_a_line_a_month_and_a_character_a_day():
    lines = list(
        calendar(
            covered(
                exported=[Window(FEBRUARY, FEBRUARY + 2 * DAY + HOUR)],
                lost=[Window(FEBRUARY + 4 * DAY, FEBRUARY + 5 * DAY)],
                end=FEBRUARY + 30 * DAY,
            )
        )
    )
    assert lines == [
        "         1    6    11   16   21   26   31",
        "2028-02  ██▒·x························",  # 2028 is a leap year
        "2028-03  ·",
    ]


def test_a_calendar_begins_and_ends_with_coverage():
    start = FEBRUARY + 27 * DAY + HOUR
    lines = list(
        calendar(covered(exported=[Window(start, start + DAY)], start=start, end=start + DAY))
    )
    assert lines[1:] == ["2028-02  " + " " * 27 + "██"]
    assert list(calendar(covered(start=start, end=start))) == []


def test_a_calendar_ends_with_the_last_month_that_there_is():
    last = parse_time("9999-12-31T23:59:59.999Z")
    lines = list(calendar(covered(start=last - DAY, end=last)))
    assert lines[1:] == ["9999-12  " + " " * 29 + "··"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 60, "1048576.0 TiB"),
    ],
)
def test_bytes_for_people(count, text):
    assert human_bytes(count) == text


def test_progress_is_one_line_that_is_cleared():
    stream = io.StringIO()
    progress = Progress(4, stream)
    progress.window_done()
    progress(1234, 5 << 20)
    progress.window_done()
    shown = stream.getvalue()
    assert "window 2/4  1,234 events  5.0 MiB" in shown
    assert "[██████··················]" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")


def test_logs_are_json_lines_for_machines():
    stream = io.StringIO()
    logs.configure("auto", stream)  # this stream is no terminal
    logging.getLogger("x").info("two\nlines", extra={"fields": {"events": 3}})
    try:
        int("why")
    except ValueError:
        logging.getLogger("x").exception("broken")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["level"], first["message"], first["events"]) == ("info", "two\nlines", 3)
    assert "ValueError: invalid" in second["trace"]


def test_logs_are_sentences_for_people():
    stream = io.StringIO()
    logs.configure("text", stream)
    logging.getLogger("x").info("done", extra={"fields": {"events": 3}})
    logging.getLogger("x").warning("careful")
    logging.getLogger("httpx").info("GET https://…")
    assert stream.getvalue() == "done\nwarning: careful\n"


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def arguments(*args):
    return export.parser().parse_args(["run", *args])


def test_a_spec_of_flags():
    spec = inputs.run_spec(
        arguments(
            *("--url", "https://console.example.com/", "--start", "2026-01-31"),
            *("--end", "2026-02-01T12:00:00Z", "--auth", "token", "--format", "json"),
        )
    )
    assert spec.purpose is Purpose.WINDOW
    assert spec.source.url == "https://console.example.com"
    assert spec.source.auth.bearer_token is not None
    assert (spec.span.start, spec.span.end) == (
        "2026-01-31T00:00:00.000Z",
        "2026-02-01T12:00:00.000Z",
    )
    assert spec.coverage_start == spec.span.start


def test_what_a_resource_says_of_its_source_has_a_flag():
    flags = ("--url", "https://console.example.com", "--start", "2026-01-31", "--end", "2026-02-01")
    own = ("--page-size", "50", "--requests-per-minute", "30", "--max-rows-per-answer", "99")
    spec = inputs.run_spec(arguments(*flags, *own, "--assume-time-zone", "Europe/Berlin"))
    source = spec.source
    assert (source.page_size, source.requests_per_minute) == (50, 30)
    assert (source.max_rows_per_answer, source.assume_time_zone) == (99, "Europe/Berlin")
    bare = inputs.run_spec(arguments(*flags)).source
    assert (bare.page_size, bare.max_rows_per_answer) == (None, 10_000)


@pytest.mark.parametrize("flag", ["--url", "--tenant", "--token-url", "--path"])
def test_an_argument_that_is_no_text_is_refused(flag):
    dates = ("--start", "2026-01-31", "--end", "2026-02-01")
    told = arguments("--url", "https://console.example.com", *dates, flag, "odd\udcff")
    with pytest.raises(ConfigurationError, match=f"{flag} holds bytes that are no text"):
        inputs.run_spec(told)


@pytest.mark.parametrize("count", ["0", "10001", "-1", "many", "1e3"])
def test_a_count_out_of_range_is_a_wrong_command_line(count, capsys):
    with pytest.raises(SystemExit) as refused:
        arguments("--page-size", count)
    assert refused.value.code == 2
    assert "write a whole number from 1 to 10000" in capsys.readouterr().err


def test_a_log_format_of_the_environment_is_checked_too(monkeypatch, capsys):
    monkeypatch.setenv("SYNCLOG_LOG_FORMAT", "xml")
    with pytest.raises(SystemExit):
        arguments()
    assert "'xml' is none of auto, json, text" in capsys.readouterr().err


def test_a_second_factor_is_used_where_its_seed_is_given(tmp_path):
    flags = (
        *("--url", "https://console.example.com", "--start", "2026-01-31", "--end", "2026-02-01"),
        *("--auth", "user", "--auth-dir", str(tmp_path)),
    )
    assert inputs.run_spec(arguments(*flags)).source.auth.user_password.totp_seed_key is None
    (tmp_path / "totpSeed").write_text("JBSWY3DPEHPK3PXP")
    assert inputs.run_spec(arguments(*flags)).source.auth.user_password.totp_seed_key == "totpSeed"


def test_the_environment_is_asked_last(tmp_path):
    broken = {ENV_RUN_SPEC: "{"}
    with pytest.raises(ConfigurationError, match="the variable SYNCLOG_RUN_SPEC is no run spec"):
        inputs.run_spec(arguments(), broken)
    (tmp_path / "spec.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"the file .*spec\.json is no run spec"):
        inputs.run_spec(arguments("--spec", str(tmp_path / "spec.json")), broken)


@pytest.mark.parametrize("text", ["31.1.2026", "2026-02-30", "2026-01-31T12:00:00", ""])
def test_times_that_are_none(text):
    with pytest.raises(argparse.ArgumentTypeError, match="write 2026-01-31"):
        inputs.time_argument(text)


def test_a_variable_that_is_empty_is_not_set(monkeypatch):
    """An empty destination would be the folder that the process happens to be in."""
    for name in ("DESTINATION_DIR", "SPOOL_DIR", "AUTH_DIR", "CA_FILE", "TERMINATION_LOG"):
        monkeypatch.setenv(f"SYNCLOG_{name}", "")
    monkeypatch.setenv(run.ENV_JOB_INDEX, "")
    monkeypatch.setenv(run.ENV_LOG_FORMAT, "")
    args = export.parser().parse_args(["run"])
    found = (args.destination, args.spool, args.auth_dir, args.ca_file, args.termination_log)
    assert found == (None,) * 5
    assert (args.index, args.log_format) == (None, "auto")
    assert export.parser().parse_args(["verify"]).destination is None


@pytest.mark.parametrize("command", ["coverage", "cat", "ledger"])
def test_a_folder_without_a_ledger_is_told(tmp_path, capsys, command):
    assert export.main([command, "--destination", str(tmp_path)]) == ExitCode.CONFIGURATION
    assert "NoLedger" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["-1", "newest"])
def test_an_entry_that_cannot_be_is_a_wrong_command_line(tmp_path, capsys, number):
    with pytest.raises(SystemExit) as ended:
        export.main(["ledger", "--destination", str(tmp_path), f"--first={number}"])
    assert ended.value.code == ExitCode.USAGE
    assert "is no entry" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "coverage", "verify", "cat", "query", "ledger"])
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        export.main([command, "--help"])
    assert caught.value.code == 0
    assert "synclog-export" in capsys.readouterr().out.partition("example")[2]


@pytest.mark.parametrize(
    ("flag", "text", "words"),
    [
        ("--max-window", "0h", "--max-window: 0h is too short: write at least 1m, or 24h"),
        ("--max-window", "1 day", "--max-window: '1 day' is not a duration: write a whole number"),
        ("--settle-delay", "soon", "--settle-delay: 'soon' is not a duration: write a whole"),
        ("--recheck", "7", "--recheck: '7' is not a duration: write a whole number and one unit"),
        ("--start", "now", "--start: 'now' is no time: write 2026-01-31 or"),
    ],
)
def test_a_flag_that_cannot_be_read_is_named(flag, text, words, capsys):
    with pytest.raises(SystemExit) as ended:
        export.main(["run", "--url", "https://x", flag, text])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settleDelay": "soon"}, "settleDelay: 'soon' is not a duration: write a whole number"),
        ({"source": {"retention": "90"}}, "source.retention: '90' is not a duration: write a"),
        ({"coverageStart": "soon"}, "coverageStart or rounds: 'soon' is not a time such as"),
        ({"rounds": ["24h", "x"]}, "coverageStart or rounds: 'x' is not a duration such as"),
    ],
)
def test_a_text_of_a_spec_that_cannot_be_read_is_named(tmp_path, changes, words):
    source = {"url": "https://x", "auth": {"bearerToken": {"secretName": "s"}}}
    spec = {
        "purpose": "inspect",
        "owner": {"namespace": "n", "name": "e"},
        "destination": {},
        "output": {},
        "coverageStart": "2026-01-01T00:00:00Z",
        **changes,
        "source": source | changes.get("source", {}),
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(spec))
    with pytest.raises(ConfigurationError) as raised:
        inputs.run_spec(argparse.Namespace(spec=str(path)))
    assert words in raised.value.message
