"""``synclog-export coverage``: what is exported, what is missing."""

import argparse

import msgspec

from synclog.cli.exporting import archive
from synclog.cli.exporting.calendar import LEGEND, calendar
from synclog.cli.exporting.progress import human_bytes
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.ledger import Head, Ledger, coverage
from synclog.exporter.ledger.rules import named
from synclog.exporter.source import SystemClock
from synclog.exporter.verify import printable
from synclog.windows import Windows, format_duration, format_time

_EPILOG = """\
The ledger's newest entry tells all of this; no file is opened. Whether the files
are what the ledger says is the question that `synclog-export verify` answers.

example:
  synclog-export coverage --destination ./archive
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser of ``synclog-export``."""
    parser = commands.add_parser(
        "coverage",
        help="show what is exported and what is missing",
        description="Show what is exported and what is missing, as a table and as a calendar.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    archive.add_destination(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    destination = archive.opened(args)
    head = Ledger(destination, clock=SystemClock().now).head()
    if head is None:
        raise ConfigurationError("NoLedger", f"{destination} holds no ledger")
    if args.json:
        told = {"coverage": coverage.told(head), "totals": head.so_far.totals}
        print(msgspec.json.encode({"ledger": head.told(), **told}).decode())
    else:
        print("\n".join(map(printable, _lines(head))))
    return 0


def _lines(head: Head) -> list[str]:
    found = coverage.Coverage.of(head)
    totals = head.so_far.totals
    lines = [
        f"tenant         {head.identity.tenant}",
        f"owner          {named(head.so_far.owner)}",
        f"ledger         {head.identity.id}, {head.number + 1} entries",
        f"from           {format_time(found.start)}",
        f"covered until  {format_time(found.until)}",
        f"exported       {_length(found.exported)} in {totals.windows} windows",
        f"missing        {_length(found.gaps)}",
        f"lost           {_length(found.lost)}",
        f"events         {totals.events:,}",
        f"files          {totals.parts:,}",
        f"bytes          {human_bytes(totals.stored_bytes)}, uncompressed "
        + human_bytes(totals.bytes),
    ]
    for name, windows in (("missing", found.gaps), ("lost", found.lost)):
        if windows:
            lines += ["", f"{name}:"]
            lines += [f"  {window}  {format_duration(window.length)}" for window in windows]
    days = list(calendar(found))
    return [*lines, "", *days, "", LEGEND] if days else lines


def _length(windows: Windows) -> str:
    if not windows:
        return "nothing"
    return format_duration(windows.length)
