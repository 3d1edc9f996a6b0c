"""``synclog-export cat``: the events of a range, in order."""

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

import msgspec

from synclog.cli.exporting import archive, inputs
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.ledger.coverage import Coverage
from synclog.exporter.query import Archive, Line
from synclog.exporter.source import SystemClock
from synclog.windows import Instant, Window, Windows, format_time

_EPILOG = """\
Events are ordered by their time; late events stand where they belong. Events of one
millisecond stand as they were served, and behind them those that came late, in the
order of the ledger's entries: the same archive is always printed alike. CSV is written
in one dialect (comma, double quotes, line feed), JSON Lines as one object a line; the
files of the archive hold the bytes that the source served, or the normal form.

A range that is not wholly exported is an error, unless --partial is given.

examples:
  synclog-export cat --destination ./archive --start 2026-01-31 --end 2026-02-01
  synclog-export cat --destination ./archive --format jsonl | jq .username
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser of ``synclog-export``."""
    parser = commands.add_parser(
        "cat",
        aliases=["query"],
        help="print the events of a range, in order",
        description="Print the events of a range of time, in order.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    archive.add_destination(parser)
    for name, text in (("--start", "first instant"), ("--end", "end, excluded")):
        parser.add_argument(name, type=inputs.time_argument, metavar="TIME", help=text)
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="(default: csv)")
    parser.add_argument("--partial", action="store_true", help="print what there is")
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    found = Archive(archive.opened(args), clock=SystemClock().now)
    coverage = Coverage.of(found.head)
    start = coverage.start if args.start is None else args.start
    end = coverage.end if args.end is None else args.end
    if start >= end:
        raise _nothing_in(start, end, coverage)
    window = Window(start, end)
    missing = Windows([window]) - coverage.exported
    if missing and not args.partial:
        raise ConfigurationError(
            "NotExported",
            f"not exported: {', '.join(map(str, missing))}; write --partial to print the rest",
        )
    write = _write_lines if args.format == "jsonl" else _write_csv
    with closing(found.events(window)) as events:
        write(events, found.columns(window), sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return 0


def _nothing_in(start: Instant, end: Instant, coverage: Coverage) -> ConfigurationError:
    if not (coverage.exported or coverage.lost):
        return ConfigurationError(
            "NothingExported", "the archive was begun, but no run has exported anything into it yet"
        )
    return ConfigurationError(
        "EmptyRange",
        f"the range from {format_time(start)} to {format_time(end)} is empty: write --start "
        "before --end, and within what is exported",
    )


def _write_lines(events: Iterator[Line], _: list[str], out: BinaryIO) -> None:
    out.writelines(record + b"\n" for _instant, record in events)


def _write_csv(events: Iterator[Line], columns: list[str], out: BinaryIO) -> None:
    # The writer quotes what its own line end is made of, so that is CR LF here, though LF is
    # written: a lone CR in a value would otherwise end the line for most readers.
    line = io.StringIO(newline="")
    writer = csv.writer(line, lineterminator="\r\n")

    def write(cells: list[str]) -> None:
        writer.writerow(cells)
        out.write(line.getvalue()[:-2].encode() + b"\n")
        line.seek(0)
        line.truncate()

    write(columns)
    for _instant, record in events:
        fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        write([_cell(bytes(fields.get(column, b"null"))) for column in columns])


def _cell(value: bytes) -> str:
    if value == b"null":
        return ""
    # What is no text stays as it is written: a number may be more than a float can hold.
    return msgspec.json.decode(value, type=str) if value[:1] == b'"' else value.decode()
