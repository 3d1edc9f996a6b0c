"""``synclog-export``: the exporter for Jobs and for people."""

import argparse
import sys
from collections.abc import Sequence

from synclog import __version__
from synclog.cli import pipes
from synclog.cli.exporting import cat, coverage, ledger, run, verify
from synclog.exporter.errors import ExportError

_COMMANDS = (run, coverage, verify, cat, ledger)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="synclog-export",
        description="Export the Code42 / Incydr Sync Log: every event, exactly once, proven.",
    )
    top.add_argument("--version", action="version", version=f"synclog-export {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = parser().parse_args(arguments)
    try:
        code: int = args.command(args)
        sys.stdout.flush()
    except ExportError as error:
        print(f"synclog-export: {error.reason}: {error.message}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        pipes.hang_up()
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
