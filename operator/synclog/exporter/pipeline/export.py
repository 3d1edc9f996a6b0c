"""Exporting one window: settle, read, prove, write parts, commit. Or nothing."""

import functools
from collections.abc import Callable

from msgspec.structs import replace

from synclog.api.run import RunSpec
from synclog.exporter.errors import SourceError
from synclog.exporter.ledger import Content, Head, Ledger, Lost, WindowRecord
from synclog.exporter.ledger.rules import accounted, free, text_of, windows_of
from synclog.exporter.parts import write_parts
from synclog.exporter.pipeline.evidence import evidence_of
from synclog.exporter.pipeline.outcome import Outcome
from synclog.exporter.pipeline.settling import rounds_had, settle
from synclog.exporter.pipeline.shaping import shaped
from synclog.exporter.pipeline.site import Site
from synclog.exporter.source import Reading
from synclog.exporter.spool import RecordSpool
from synclog.windows import (
    HOUR,
    MINUTE,
    Instant,
    Window,
    format_time,
    parse_duration,
)

_MARGINS = (MINUTE, 10 * MINUTE, HOUR)
"""How far ahead of the source's forgetting a window is cut. The source goes on forgetting while
it is read; if that takes longer than one margin, the next one is tried."""

_CLOCKS_AGREE = 5 * MINUTE


def export_window(spec: RunSpec, window: Window, site: Site, ledger: Ledger, head: Head) -> Outcome:
    """Commit the events of a window, or find that somebody has.

    Raises:
        NotSettledError: the window is too young.
        SourceError: the source failed, or its clock cannot be trusted with what is lost.
        DestinationError: the destination failed.
        IntegrityError: a part of the window is exported already.
        Interrupted: the process was told to stop.
    """
    missing = _missing(head, window)
    if missing is None:
        return _already(head, window)
    settle(missing, parse_duration(spec.settle_delay), site)
    return _Export(spec, site, ledger, head).run(missing)


def _already(head: Head, window: Window) -> Outcome:
    return Outcome(head, "AlreadyCovered", f"{window} is in the ledger already")


def _missing(head: Head, window: Window) -> Window | None:
    """What of the window is to be exported: all, nothing, or what follows its lost beginning."""
    if windows_of(head.so_far.coverage).overlaps(window):
        if accounted(head.so_far).covers(window):
            return None
        free(head.so_far, window)
    match accounted(head.so_far).gaps(window):
        case []:
            return None
        case [gap] if gap.end == window.end:
            return gap
        case _:
            return free(head.so_far, window)


class _Export:
    """The steps for one window that is missing and settled."""

    def __init__(self, spec: RunSpec, site: Site, ledger: Ledger, head: Head) -> None:
        self._spec = spec
        self._site = site
        self._ledger = ledger
        self._head = head
        self._retention = parse_duration(spec.source.retention)

    def run(self, window: Window) -> Outcome:
        """Commit the whole window; or, where the source has begun to forget it, the two parts."""
        if window.start >= self._forgotten():
            with RecordSpool(self._site.spool_folder) as spool:
                rounds = self._rounds(window)
                reading = self._read(window, spool)
                if window.start >= self._forgotten():
                    record = functools.partial(WindowRecord, rounds=rounds)
                    content = self._commit(record, window, reading, spool)
                    return self._outcome(window, content)
        return self._rescue(window)

    def _rescue(self, window: Window) -> Outcome:
        """Commit a window whose beginning the source has begun to forget.

        What is before the edge is recorded as lost, with the events that the source still
        showed; what follows is an ordinary window, read while all of it was still kept.
        """
        for margin in _MARGINS:
            self._agree()
            edge = min(self._forgotten() + margin, window.end)
            rest = Window(edge, window.end) if edge < window.end else None
            lost = Window(window.start, edge)
            with (
                RecordSpool(self._site.spool_folder) as kept,
                RecordSpool(self._site.spool_folder) as remains,
            ):
                rounds = self._rounds(window)
                # The rest is read first: every second counts for it.
                reading = self._read(rest, kept) if rest else None
                if reading and self._forgotten() > edge:
                    continue
                contents = [self._commit(Lost, lost, self._read(lost, remains), remains)]
                if rest and reading:
                    record = functools.partial(WindowRecord, rounds=rounds)
                    contents.append(self._commit(record, rest, reading, kept))
                return self._outcome(window, *contents, lost=lost)
        raise SourceError(
            "RetentionOvertakes",
            f"the source forgets {window} faster than it can be read: make maxWindow shorter",
        )

    def _rounds(self, window: Window) -> list[str]:
        return rounds_had(window, self._spec.rounds, self._site)

    def _read(self, window: Window, spool: RecordSpool) -> Reading:
        self._site.check()
        return self._site.reader.read(window, spool, self._site.progress)

    def _commit(
        self,
        record: Callable[..., WindowRecord | Lost],
        window: Window,
        reading: Reading,
        spool: RecordSpool,
    ) -> Content | None:
        """Write the parts and the entry. None: another exporter was faster."""
        self._head = self._ledger.newest(self._head)
        if accounted(self._head.so_far).covers(window):
            return None  # before any part is written, so that no litter is made
        with shaped(self._spec, reading, spool, self._site) as records:
            parts = write_parts(
                self._site.destination,
                records.spool,
                window=window,
                header=records.header,
                source_format=records.form,
                output=self._spec.output,
                check=self._site.check,
            )
        content = replace(records.content, parts=parts)
        proposal = record(
            window=text_of(window),
            content=content,
            evidence=evidence_of(reading, self._site.destination, parts) | records.served,
        )
        self._head, fresh = self._ledger.append(
            self._head, lambda head: None if accounted(head.so_far).covers(window) else proposal
        )
        return content if fresh else None

    def _outcome(
        self, window: Window, *contents: Content | None, lost: Window | None = None
    ) -> Outcome:
        mine = tuple(content for content in contents if content is not None)
        if not mine:
            return _already(self._head, window)
        events = sum(content.events for content in mine)
        message = f"{events} events of {window} are exported"
        reason = "Exported"
        if lost:
            reason = "PartlyLost" if lost.end < window.end else "Lost"
            message += (
                f"; the source keeps {self._spec.source.retention} and had begun to forget "
                f"{lost}: what it still showed of that is exported, the rest is lost"
            )
        return Outcome(self._head, reason, message, mine)

    def _forgotten(self) -> Instant:
        """Everything before this instant may be gone at the source."""
        return self._site.reader.server_time().server - self._retention

    def _agree(self) -> None:
        """Make sure that a loss is no error of a clock."""
        clock = self._site.reader.server_time()
        if abs(clock.server - clock.local) > _CLOCKS_AGREE:
            raise SourceError(
                "ClockDisagreement",
                f"by the source's clock ({format_time(clock.server)}) a part of the window is "
                f"older than the retention, but the local clock says {format_time(clock.local)}: "
                "nothing is recorded as lost before they agree within five minutes",
            )
