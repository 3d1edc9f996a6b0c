"""Verifying an archive: the ledger from entry 0 to the head, and every byte that it names."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from synclog import __version__
from synclog.api.run import LedgerHead
from synclog.exporter.destination import PROBE, Destination
from synclog.exporter.errors import IntegrityError
from synclog.exporter.ledger import Content, Head, Ledger
from synclog.exporter.ledger.coverage import Coverage
from synclog.exporter.ledger.entries import FOLDER, Publishing, WindowRecord, path_of
from synclog.exporter.ledger.rules import content_of, text_of, window_of
from synclog.exporter.verify.chain import follow
from synclog.exporter.verify.contents import check_content
from synclog.exporter.verify.report import Finding, Report, Verdict, printable
from synclog.windows import Instant, format_time, parse_time

_ENTRY = re.compile(rf"{FOLDER}/([0-9]{{20}})\.json")


def verify(
    destination: Destination,
    *,
    clock: Callable[[], Instant],
    expected: LedgerHead | None = None,
    read_parts: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Verify an archive. It is only read.

    Args:
        destination: where it is.
        clock: the time to put into the report.
        expected: a head that the ledger is known to have had; finds a tail that was cut off.
        read_parts: False only looks whether the parts exist.
        progress: told how many events and bytes were checked so far.

    Raises:
        ExportError: the destination cannot be read: it failed, refuses the credentials, or is
            not as it is described. That says nothing about the archive.
    """
    walk = _Walk(destination, Ledger(destination, clock=clock))
    for head, content in walk.entries():
        if content is not None:
            walk.check(head, content, read_parts=read_parts)
            if progress:
                progress(walk.events, walk.bytes)
    walk.compare(expected)
    walk.tell_missing()
    walk.tell_strangers()
    return walk.report(format_time(clock()))


class _Walk:
    """What was met so far."""

    def __init__(self, destination: Destination, ledger: Ledger) -> None:
        self._destination = destination
        self._ledger = ledger
        self._head: Head | None = None
        self._digests: list[str] = []
        self._proofs: Counter[str] = Counter()
        self._named: set[str] = set()
        self._absent: list[tuple[int, str]] = []
        self._oldest_present: int | None = None
        self._expired: list[str] = []
        self._litter: list[str] = []
        self._findings: list[Finding] = []
        self.parts = self.events = self.bytes = 0

    def entries(self) -> Iterator[tuple[Head, Content | None]]:
        """Follow the chain."""
        for entry, head in follow(self._ledger, self._findings):
            self._head = head
            self._digests.append(head.digest)
            if isinstance(entry.record, WindowRecord):
                self._proofs[str(entry.record.evidence.get("proof"))] += 1
            if isinstance(entry.record, Publishing) and not _is_within(entry.record):
                self._find(
                    "ContentDiffers",
                    "its first or last event is not of its window",
                    entry=head.number,
                )
            yield head, content_of(entry.record)
        if not self._digests and not self._findings:
            self._find(
                "LedgerMissing",
                f"there is no ledger: {path_of(0)} is not there. No run has begun one here, or it "
                "was removed",
            )

    def check(self, head: Head, content: Content, *, read_parts: bool) -> None:
        """Look at the parts of one entry."""
        present = []
        for part in content.parts:
            if part.path in self._named:
                message = "another entry, or this one, names it as well: its events are there twice"
                self._find("ContentDiffers", message, entry=head.number, path=part.path)
            self._named.add(part.path)
            try:
                if self._destination.size(part.path) is not None:
                    present.append(part)
                else:
                    self._absent.append((head.number, part.path))
            except IntegrityError as error:  # the path itself is not to be trusted
                self._find(error.reason, error.message, entry=head.number)
        if present and self._oldest_present is None:
            self._oldest_present = head.number
        if read_parts:
            checked = check_content(self._destination, content, present, head.identity.stored_form)
            for finding in checked.findings:
                self._find(finding.reason, finding.message, entry=head.number, path=finding.path)
            self.parts += checked.parts
            self.events += checked.events
            self.bytes += checked.bytes

    def compare(self, expected: LedgerHead | None) -> None:
        """Compare with a head that was seen before."""
        if self._head is None or expected is None:
            return
        if self._head.identity.id != expected.id:
            self._find("LedgerReplaced", f"this is ledger {self._head.identity.id}")
        elif expected.head >= len(self._digests):
            self._find(
                "LedgerShorter",
                f"the chain ends with entry {self._head.number}, but entry {expected.head} was "
                "seen: the newest entries were removed",
            )
        elif self._digests[expected.head] != expected.digest:
            self._find("LedgerRewritten", "it was seen with another digest", entry=expected.head)

    def tell_missing(self) -> None:
        """Tell what a life cycle rule removed, the oldest, from what was taken."""
        for number, path in self._absent:
            if self._oldest_present is not None and number < self._oldest_present:
                self._expired.append(path)
            else:
                self._find("PartMissing", "it is not there", entry=number, path=path)

    def tell_strangers(self) -> None:
        """Find files that no entry names, and entries behind a hole in the chain."""
        count = len(self._digests)
        hole = self._is_missing(path_of(count))
        for file in self._destination.files():
            if entry := _ENTRY.fullmatch(file.path):
                if int(entry[1]) > count and hole:
                    self._find(
                        "EntryMissing", f"entry {count} is missing before it", path=file.path
                    )
            elif file.path not in self._named and file.path != PROBE:
                self._litter.append(printable(file.path))

    def _is_missing(self, path: str) -> bool:
        try:
            return self._destination.size(path) is None
        except IntegrityError:  # something else has its name, and that is said
            return False

    def report(self, now: str) -> Report:
        """Draw the conclusions."""
        found = Report(
            verdict=Verdict.BROKEN,
            destination=str(self._destination),
            verified_at=now,
            version=__version__,
            entries=len(self._digests),
            parts_checked=self.parts,
            events_checked=self.events,
            bytes_checked=self.bytes,
            expired=self._expired,
            litter=self._litter,
            findings=self._findings,
        )
        if self._head is None:
            return found
        head, coverage = self._head, Coverage.of(self._head)
        all_there = not (coverage.gaps or coverage.lost or self._expired)
        # A ledger that was only begun has no gaps, and nothing that could be complete.
        complete = all_there and bool(coverage.exported)
        sound = Verdict.COMPLETE if complete else Verdict.GAPS
        return replace(
            found,
            verdict=Verdict.BROKEN if self._findings else sound,
            ledger=head.told(),
            tenant=head.identity.tenant,
            owner=head.so_far.owner,
            coverage_start=format_time(coverage.start),
            covered_until=format_time(coverage.until),
            coverage_end=format_time(coverage.end),
            coverage=head.so_far.coverage,
            gaps=[text_of(gap) for gap in coverage.gaps],
            lost=head.so_far.lost,
            totals=head.so_far.totals,
            proofs=dict(self._proofs),
        )

    def _find(
        self, reason: str, message: str, *, entry: int | None = None, path: str | None = None
    ) -> None:
        self._findings.append(Finding(reason=reason, message=message, entry=entry, path=path))


def _is_within(record: Publishing) -> bool:
    content, window = record.content, window_of(record.window)
    if not content.events:
        return True
    return parse_time(content.first) in window and parse_time(content.last) in window
