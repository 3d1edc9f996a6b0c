"""``synclog-export ledger``: the entries, one JSON object a line."""

import argparse

import msgspec

from synclog.cli.exporting import archive
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.ledger import Ledger
from synclog.exporter.source import SystemClock


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser of ``synclog-export``."""
    parser = commands.add_parser(
        "ledger",
        help="print the entries of the ledger",
        description="Print the entries of the ledger with their digests, one JSON object a line.",
        epilog="example:\n  synclog-export ledger --destination ./archive --first 10 | jq .entry",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    archive.add_destination(parser)
    parser.add_argument(
        "--first", type=_number, default=0, metavar="N", help="begin with this entry"
    )
    parser.set_defaults(command=run)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no entry: write its number, from 0 on")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    destination = archive.opened(args)
    ledger = Ledger(destination, clock=SystemClock().now)
    if ledger.entry(0) is None:
        raise ConfigurationError("NoLedger", f"{destination} holds no ledger")
    number = args.first
    while found := ledger.entry(number):
        entry, digest = found
        print(msgspec.json.encode({"digest": digest, "entry": entry}).decode())
        number += 1
    return 0
