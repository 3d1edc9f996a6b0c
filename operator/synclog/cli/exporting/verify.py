"""``synclog-export verify``: can I prove that this archive is complete and unchanged?"""

import argparse
import sys
from collections.abc import Iterator

import msgspec

from synclog.api.run import ExitCode, LedgerHead
from synclog.cli.exporting import archive
from synclog.cli.exporting.progress import Progress, human_bytes
from synclog.exporter.source import SystemClock
from synclog.exporter.verify import Report, Verdict, printable, verify

EXIT_GAPS = 3
"""The archive is sound, but not everything is in it. Of this command alone."""

_CODES = {
    Verdict.COMPLETE: ExitCode.OK,
    Verdict.GAPS: EXIT_GAPS,
    Verdict.BROKEN: ExitCode.INTEGRITY,
}
_SENTENCES = {
    Verdict.COMPLETE: "COMPLETE: every event of this range that the source showed is here, once "
    "and unchanged",
    Verdict.GAPS: "GAPS: what is here is unchanged, but not everything is here",
    Verdict.BROKEN: "BROKEN: something was changed, damaged or removed",
}
_SHOWN = 20
"""Lines of one kind that are printed; --json has all."""

_EPILOG = """\
Reads every entry of the ledger and every byte of every file: the chain of entries,
both SHA-256 of each file, the number of events and their digest, the windows.

With --expect, also a ledger whose newest entries were cut off is found: give a head
that was seen before, such as status.ledger of the SyncLogExport or a former report.

exit codes: 0 complete, 3 sound but with gaps, 14 broken; 10, 11 and 13: it cannot be
  read (no such archive, credentials refused, the storage failed)

examples:
  synclog-export verify --destination ./archive
  synclog-export verify --destination ./archive --json > report.json
  synclog-export verify --destination ./archive --expect ID:HEAD:DIGEST
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser of ``synclog-export``."""
    parser = commands.add_parser(
        "verify",
        help="prove that an archive is complete and unchanged",
        description="Prove that an archive is complete and unchanged, or say what is wrong.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    archive.add_destination(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--expect", type=_head, metavar="ID:HEAD:DIGEST", help="a head seen before")
    parser.add_argument(
        "--ledger-only",
        action="store_true",
        help="check the ledger and that the files exist, but do not read them",
    )
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    progress = Progress(1) if sys.stderr.isatty() else None
    report = verify(
        archive.opened(args),
        clock=SystemClock().now,
        expected=args.expect,
        read_parts=not args.ledger_only,
        progress=progress,
    )
    if progress:
        progress.window_done()
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print("\n".join(map(printable, _lines(report, ledger_only=args.ledger_only))))
    return _CODES[report.verdict]


def _lines(report: Report, *, ledger_only: bool) -> Iterator[str]:
    if report.ledger:
        yield f"ledger    {report.ledger.id} of tenant {report.tenant}"
        yield f"head      {report.ledger.id}:{report.ledger.head}:{report.ledger.digest}"
        yield f"range     {report.coverage_start} to {report.coverage_end}"
    if report.proofs:
        counts = ", ".join(f"{count} {proof}" for proof, count in sorted(report.proofs.items()))
        yield f"proven    {sum(report.proofs.values())} windows when they were read: {counts}"
    yield f"checked   {report.entries} entries" + (
        "; files were not read"
        if ledger_only
        else f", {report.parts_checked} files, {report.events_checked:,} events, "
        f"{human_bytes(report.bytes_checked)}"
    )
    yield from _listed(
        "wrong",
        [
            f"{finding.reason}"
            + (f" in entry {finding.entry}" if finding.entry is not None else "")
            + (f", {finding.path}" if finding.path else "")
            + f": {finding.message}"
            for finding in report.findings
        ],
    )
    yield from _listed("missing", [f"{gap.start} to {gap.end}" for gap in report.gaps])
    yield from _listed("lost at the source", [f"{gap.start} to {gap.end}" for gap in report.lost])
    yield from _listed("expired, oldest files", report.expired)
    yield from _listed("not in the ledger: left by killed or running exporters", report.litter)
    yield ""
    yield _SENTENCES[report.verdict]


def _listed(title: str, lines: list[str]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title} ({len(lines)}):"
    yield from (f"  {line}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  and {len(lines) - _SHOWN} more: --json lists all"


def _head(text: str) -> LedgerHead:
    match text.split(":"):
        case [ledger, head, digest] if head.isdigit():
            return LedgerHead(id=ledger, head=int(head), digest=digest)
    raise argparse.ArgumentTypeError(
        f"{text!r} is no head: write ID:HEAD:DIGEST, as verify prints it"
    )
