"""``synclog-operator``: runs the operator, and helps the people around it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from synclog import __version__
from synclog.api.crd import custom_resource_definition
from synclog.cli import pipes
from synclog.cli.checking import CheckError, check
from synclog.controller import logs, settings

_USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrongly asked for."""
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["run", *given]
    options = parser.parse_args(given)
    if options.command == "run":
        return _run(options)
    try:
        code = _told(options)
        sys.stdout.flush()
    except BrokenPipeError:
        pipes.hang_up()
        return 0
    return code


def _told(options: argparse.Namespace) -> int:
    match options.command:
        case "crd":
            print(yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=100), end="")
        case "check":
            return _check(options.manifest)
        case "version":
            print(__version__)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synclog-operator",
        description="Exports Code42 / Incydr Sync Logs as SyncLogExport resources declare it.",
        epilog="Without a command: run. `synclog-operator run --help` lists all settings.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser(
        "run",
        help="run the operator (default)",
        description="Runs the operator until SIGTERM. Durations are written 30s, 5m, 2h. Each "
        "flag can also be set by the environment variable that its help names; the flag wins.",
    )
    settings.add_flags(run)
    commands.add_parser("crd", help="print the CustomResourceDefinition as YAML")
    checking = commands.add_parser(
        "check",
        help="explain what a SyncLogExport would do, without a cluster",
        description="Reads SyncLogExports from a YAML or JSON file and says for each: the "
        "effective schedule, the next ten ticks, the windows of the first run. Exit code 1 if "
        "one of them could not be served.",
    )
    checking.add_argument("manifest", help="file to read; - for standard input")
    commands.add_parser("version", help="print the version")
    return parser


def _run(options: argparse.Namespace) -> int:
    # Kopf and the Kubernetes client take half a second to import: only here.
    from synclog.controller.app import App  # noqa: PLC0415 - see above

    try:
        chosen = settings.read(vars(options))
    except ValueError as error:
        print(f"synclog-operator: {error}", file=sys.stderr)
        return _USAGE_ERROR
    logs.set_up(chosen.log_format, chosen.log_level)

    async def run() -> int:
        return await App(chosen).run()

    try:
        return asyncio.run(run())
    except (ValueError, OSError) as error:
        print(f"synclog-operator: {error}", file=sys.stderr)
        return 1


def _check(manifest: str) -> int:
    try:
        text = sys.stdin.read() if manifest == "-" else Path(manifest).read_text(encoding="utf-8")
        reports = check(text)
    except (OSError, UnicodeDecodeError, CheckError) as error:
        print(f"synclog-operator: {manifest}: {error}", file=sys.stderr)
        return 1
    print("\n\n".join(report.text for report in reports))
    return 0 if all(report.good for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
