"""What a ledger's head says of coverage, worked out for people."""

from dataclasses import dataclass
from typing import Self

from synclog.api.run import LedgerCoverage
from synclog.exporter.ledger.log import Head
from synclog.exporter.ledger.rules import windows_of
from synclog.windows import Instant, Window, Windows, parse_time


def told(head: Head) -> LedgerCoverage:
    """Coverage as the operator is told of it, whole."""
    return LedgerCoverage(
        from_=head.identity.coverage_start,
        intervals=head.so_far.coverage,
        lost=head.so_far.lost,
        rechecked=head.so_far.rechecked,
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is exported, lost and missing between the start and the end of coverage."""

    start: Instant
    """The pinned start; earlier only where something before it was exported by hand."""
    end: Instant
    """End of the newest window that is accounted for."""
    until: Instant
    """Everything from the start to here is accounted for."""
    exported: Windows
    lost: Windows
    gaps: Windows
    """Neither exported nor lost."""

    @classmethod
    def of(cls, head: Head) -> Self:
        """Work it out."""
        exported, lost = windows_of(head.so_far.coverage), windows_of(head.so_far.lost)
        accounted = exported | lost
        start = parse_time(head.identity.coverage_start)
        # Where all of it is before the start, nothing up to the start is missing.
        end = max((window.end for window in accounted), default=start)
        start = min((start, *(window.start for window in accounted)))
        gaps = Windows(accounted.gaps(Window(start, end)) if start < end else ())
        return cls(start, end, accounted.reach(start), exported, lost, gaps)
