"""``synclog-export run``: do what a Job is told, in a pod or on a laptop."""

import argparse
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
from msgspec.structs import replace

from synclog import __version__
from synclog.api.run import (
    ENV_AUTH_DIR,
    ENV_CA_FILE,
    ENV_DESTINATION_AUTH_DIR,
    ENV_DESTINATION_CA_FILE,
    ENV_DESTINATION_DIR,
    ENV_JOB_INDEX,
    ENV_LOG_FORMAT,
    ENV_RUN_SPEC,
    ENV_SPOOL_DIR,
    ENV_TERMINATION_LOG,
    FAILED,
    SUCCEEDED,
    ExitCode,
    RunResult,
    RunSpec,
)
from synclog.api.source import MOST_PER_MINUTE, MOST_PER_PAGE, MOST_ROWS
from synclog.cli.exporting import inputs, logs
from synclog.cli.exporting.progress import Progress, human_bytes
from synclog.exporter import pipeline
from synclog.exporter.destination import PLACES, Destination, destination_at, destination_of
from synclog.exporter.errors import ExportError, Interrupted
from synclog.exporter.pipeline import message
from synclog.exporter.source import SourceReader, SystemClock, load_credentials
from synclog.windows import SECOND, parse_duration

log = logging.getLogger("synclog.export")

_EPILOG = f"""\
In a pod everything comes from the environment: {ENV_RUN_SPEC}, {ENV_JOB_INDEX},
{ENV_DESTINATION_DIR}, {ENV_SPOOL_DIR}, {ENV_AUTH_DIR}, {ENV_CA_FILE},
{ENV_TERMINATION_LOG}, {ENV_LOG_FORMAT}. Each has a flag, and the flag wins.
Without a destination, the one of the spec is used, with the credentials in
{ENV_DESTINATION_AUTH_DIR} and authorities in {ENV_DESTINATION_CA_FILE}.

Credentials are files in one folder (--auth-dir), named clientId and clientSecret,
or username, password and totpSeed, or token. They are never given as arguments.

examples:
  one day, on a laptop:
    synclog-export run --url https://console.us.code42.com --auth-dir ~/.synclog \\
        --start 2026-01-31 --end 2026-02-01 --destination ./archive
  the third window of the spec that a Job got:
    synclog-export run --spec run.json --index 2 --destination ./archive \\
        --auth-dir ~/.synclog

  once more a week later, for events that were late:
    synclog-export run --url https://console.us.code42.com --auth-dir ~/.synclog \\
        --start 2026-01-31 --end 2026-02-01 --destination ./archive --recheck 7d

exit codes: 0 done, 2 wrong command line, 10 configuration, 11 authorisation,
  12 source, 13 destination, 14 integrity, 15 not settled yet, 16 interrupted,
  1 a bug. docs/synclog-export.md explains each.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser of ``synclog-export``."""
    parser = commands.add_parser(
        "run",
        help="export windows, or inspect a destination",
        description="Export windows of the Sync Log into a folder, exactly once, proven complete.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=run)
    env = {name: value for name, value in os.environ.items() if value}  # empty is not set
    what = parser.add_argument_group("what to export, from a spec")
    what.add_argument("--spec", metavar="FILE", help="run spec as JSON; - is standard input")
    what.add_argument(
        "--index",
        type=int,
        default=env.get(ENV_JOB_INDEX),
        metavar="N",
        help="only the N-th window of the span, from 0; default: all, one after the other",
    )
    flags = parser.add_argument_group("what to export, from flags")
    flags.add_argument("--url", help="request URL, such as https://console.us.code42.com")
    flags.add_argument("--start", type=inputs.time_argument, metavar="TIME", help="first instant")
    flags.add_argument("--end", type=inputs.time_argument, metavar="TIME", help="end, excluded")
    flags.add_argument("--path", help="path of the Sync Log; CrashPlan uses /c42api/v3/…")
    flags.add_argument(
        "--format", choices=("csv", "json"), default="csv", help="route to read (default: csv)"
    )
    flags.add_argument(
        "--auth",
        choices=("api-client", "user", "token"),
        default="api-client",
        help="how to get a token (default: api-client)",
    )
    flags.add_argument("--token-url", metavar="URL", help="where tokens are asked for")
    flags.add_argument("--tenant", help="name of the tenant in the ledger (default: the host)")
    flags.add_argument("--proxy", metavar="URL", help="HTTP proxy to go through")
    for name, most, text in (
        ("--page-size", MOST_PER_PAGE, "rows a page of the JSON route (default: 500)"),
        ("--requests-per-minute", MOST_PER_MINUTE, "most requests a minute (default: no limit)"),
        (
            "--max-rows-per-answer",
            MOST_ROWS,
            "from so many rows on, halves prove that no cap was met (default: 10000)",
        ),
    ):
        flags.add_argument(name, type=inputs.count_argument(most), metavar="N", help=text)
    flags.add_argument(
        "--assume-time-zone",
        metavar="ZONE",
        help="IANA zone of times that the source serves without one (default: they are refused)",
    )
    flags.add_argument(
        "--compression", choices=("gzip", "zstd", "none"), default="gzip", help="(default: gzip)"
    )
    flags.add_argument(
        "--output-format",
        choices=tuple(inputs.OUTPUT_FORMATS),
        default="source",
        help="records as they are served, or one JSON object a line (default: source)",
    )
    for name, default, text, kind in (
        ("--max-window", "24h", "longest window", inputs.window_argument),
        ("--settle-delay", "15m", "how old an instant must be", inputs.duration_argument),
        ("--retention", "90d", "how long the source keeps its log", inputs.duration_argument),
    ):
        flags.add_argument(
            name,
            type=kind,
            default=default,
            metavar="DURATION",
            help=f"{text} (default: {default})",
        )
    flags.add_argument(
        "--recheck",
        type=inputs.duration_argument,
        metavar="DURATION",
        help="read exported windows that are this old again, and add late events",
    )
    flags.add_argument("--adopt", action="store_true", help="take over another owner's ledger")
    where = parser.add_argument_group("where")
    where.add_argument(
        "--destination",
        default=env.get(ENV_DESTINATION_DIR),
        metavar="PLACE",
        help=f"{PLACES}; credentials of stores are in the variables of their own tools",
    )
    where.add_argument(
        "--spool",
        default=env.get(ENV_SPOOL_DIR),
        metavar="DIR",
        help="room for one window, uncompressed (default: the temporary folder)",
    )
    where.add_argument(
        "--auth-dir",
        default=env.get(ENV_AUTH_DIR),
        metavar="DIR",
        help="folder with one file for each credential",
    )
    where.add_argument(
        "--ca-file",
        default=env.get(ENV_CA_FILE),
        metavar="FILE",
        help="authorities to trust besides the public ones, PEM",
    )
    where.add_argument(
        "--termination-log",
        default=env.get(ENV_TERMINATION_LOG),
        metavar="FILE",
        help="gets the result as JSON",
    )
    where.add_argument(
        "--stop-within",
        type=inputs.duration_argument,
        default="10s",
        metavar="DURATION",
        help="how long a hanging request may delay the end after SIGTERM (default: 10s)",
    )
    where.add_argument(
        "--log-format",
        type=_log_format,
        metavar="{" + ",".join(logs.FORMATS) + "}",
        default=env.get(ENV_LOG_FORMAT, "auto"),
        help="auto: text on a terminal, JSON lines elsewhere",
    )


def _log_format(text: str) -> str:
    # Unlike choices, a type holds for the variable as well.
    if text not in logs.FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(logs.FORMATS)}")
    return text


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    logs.configure(args.log_format)
    stop = threading.Event()
    with _stopped_by_signals(stop, lambda: _give_up(args.termination_log), args.stop_within):
        try:
            spec = inputs.run_spec(args)
            result = _run(spec, args, stop)
        except ExportError as error:
            result = _failed(error)
            _tell(result)
        _leave(result, args.termination_log)
    return result.exit_code


def _failed(error: ExportError) -> RunResult:
    return RunResult(
        outcome=FAILED,
        reason=error.reason,
        message=error.message,
        exit_code=error.exit_code,
        version=__version__,
    )


def _give_up(termination_log: str | None) -> None:
    """End the process although a request hangs. It may be killed anywhere, so this is safe."""
    result = _failed(
        Interrupted(
            "Interrupted",
            "told to stop while a request hung; the window was not committed, nothing is half done",
        )
    )
    _tell(result)
    _leave(result, termination_log)
    os._exit(result.exit_code)


def _run(spec: RunSpec, args: argparse.Namespace, stop: threading.Event) -> RunResult:
    """Run one window or all of them; the result is that of the last one."""
    destination = _destination(spec, args)
    clock = SystemClock()
    count = pipeline.window_count(spec) if args.index is None else 1
    progress = Progress(count) if sys.stderr.isatty() else None
    with SourceReader(
        spec.source,
        load_credentials(spec.source.auth, Path(args.auth_dir or ".")),
        ca_file=Path(args.ca_file) if args.ca_file else None,
        stop=stop,
    ) as reader:
        site = pipeline.Site(
            destination=destination,
            reader=reader,
            spool_folder=Path(args.spool or tempfile.gettempdir()),
            clock=clock.now,
            stop=stop,
            progress=progress,
        )
        indexes = range(count) if args.index is None else [args.index]
        return _each(spec, site, indexes, progress)


def _destination(spec: RunSpec, args: argparse.Namespace) -> Destination:
    if args.destination is not None:
        return destination_at(args.destination)
    ca_file = os.environ.get(ENV_DESTINATION_CA_FILE)
    return destination_of(
        spec.destination,
        auth=Path(os.environ.get(ENV_DESTINATION_AUTH_DIR, ".")),
        ca_file=Path(ca_file) if ca_file else None,
    )


def _each(
    spec: RunSpec, site: pipeline.Site, indexes: Sequence[int], progress: Progress | None
) -> RunResult:
    """Run window after window; the first one that fails is the last one."""
    done = 0
    while True:
        result = pipeline.run(spec, site, index=indexes[done])
        if progress:
            progress.window_done()
        failed = result.exit_code != ExitCode.OK
        if failed and len(indexes) > 1:
            far = f"{result.message}; {done} of {len(indexes)} windows were done before"
            result = replace(result, message=far)
        _tell(result)
        done += 1
        if failed or done == len(indexes):
            return result


def _tell(result: RunResult) -> None:
    """One line for one unit of work, with all that is worth searching for."""
    fields = msgspec.to_builtins(result)
    fields.pop("coverage", None)
    text = fields.pop("message", "")
    if result.parts:
        text += f" ({human_bytes(result.bytes)}, {human_bytes(result.stored_bytes)} stored)"
    level = logging.INFO if result.outcome == SUCCEEDED else logging.ERROR
    log.log(level, "%s: %s", result.reason, text, extra={"fields": fields})


def _leave(result: RunResult, path: str | None) -> None:
    """Write the termination message."""
    if path is None:
        return
    try:
        Path(path).write_bytes(message.encode(result))
    except OSError as error:
        # The exit code still tells the kind of ending.
        log.warning("the termination message cannot be written: %s", error.strerror)


@contextmanager
def _stopped_by_signals(
    stop: threading.Event, give_up: Callable[[], None], within: str
) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the run at the next safe place; a second one at once.

    Args:
        stop: set by the first signal.
        give_up: called if the run has not ended some time after it.
        within: that time.
    """
    last_resort = threading.Timer(parse_duration(within) / SECOND, give_up)
    last_resort.daemon = True
    told = f"stopping at the next safe place, within {within}; once more ends it at once"

    def on_signal(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if not stop.is_set():
            stop.set()
            last_resort.start()
            if sys.stderr.isatty():  # past the buffer, in which the signal may have come
                os.write(sys.stderr.fileno(), f"\r\x1b[K{told}\n".encode())

    previous = {
        number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        last_resort.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)
