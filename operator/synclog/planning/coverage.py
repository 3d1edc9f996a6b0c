"""What is exported and what is missing: pure sets of instants.

The ledger in the destination is the truth. The status is its cache, and every result of a
run repairs it: each interval that a result names *is* covered, so taking the union is always
right, whatever was lost, truncated or told twice.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from synclog.api.run import LedgerCoverage, LedgerHead, RunResult, Totals, WindowText
from synclog.api.status import Coverage, Gap, GapState, Interval, RecheckRound, SyncLogExportStatus
from synclog.planning.intent import LATEST
from synclog.windows import Instant, Window, Windows, format_time, parse_time

LISTED = 256
"""How many intervals and gaps a status lists; the schema has the same bound."""
LISTED_OF_A_ROUND = 64


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the ledger."""

    ledger: LedgerHead | None = None
    start: Instant | None = None
    """The pinned start of coverage."""
    covered: Windows = field(default_factory=Windows)
    lost: Windows = field(default_factory=Windows)
    rechecked: Mapping[str, Windows] = field(default_factory=dict)
    """What was read again, by round."""
    totals: Totals = field(default_factory=Totals)

    @property
    def settled(self) -> Windows:
        """What needs no run any more: exported, or gone for good."""
        return self.covered | self.lost


def known(status: SyncLogExportStatus, results: Iterable[RunResult]) -> Known:
    """Put together what the status remembers and what the runs report."""
    found = _remembered(status)
    told = [found]
    for result in results:
        if result.ledger is None:
            continue
        if found.ledger is not None and result.ledger.id != found.ledger.id:
            continue  # of a destination that this resource no longer has
        try:
            found = _told(found, result.ledger, result.coverage, result.totals)
        except ValueError:
            continue  # no time, or no window: a pod of another version; what it says is unknown
        told.append(found)
    # One union of all: a run has hundreds of results, and this is done at every look.
    return replace(
        found,
        covered=_union(each.covered for each in told),
        lost=_union(each.lost for each in told),
        rechecked={
            name: _union(each.rechecked.get(name, Windows()) for each in told)
            for name in dict.fromkeys(name for each in told for name in each.rechecked)
        },
    )


def _remembered(status: SyncLogExportStatus) -> Known:
    if status.ledger is None:
        return Known()
    coverage = status.coverage or Coverage()
    totals = status.totals
    return Known(
        ledger=LedgerHead(
            id=status.ledger.id, head=status.ledger.head, digest=status.ledger.digest
        ),
        start=None if coverage.from_ is None else parse_time(coverage.from_),
        covered=Windows(map(window_of, coverage.intervals)),
        lost=Windows(window_of(gap) for gap in coverage.gaps if gap.state is GapState.LOST),
        rechecked={
            told.after: Windows(map(window_of, told.intervals)) for told in coverage.rechecked
        },
        totals=Totals()
        if totals is None
        else Totals(
            windows=totals.windows,
            events=totals.events,
            bytes=totals.bytes,
            stored_bytes=totals.stored_bytes,
            parts=totals.parts,
            late_events=totals.late_events,
        ),
    )


def _told(
    found: Known, ledger: LedgerHead, coverage: LedgerCoverage | None, totals: Totals | None
) -> Known:
    """What one result tells of the ledger; the newest head and totals so far.

    Raises:
        ValueError: it holds a text that is no time, or no range, or one out of all reason.
    """
    newer = found.ledger is None or ledger.head > found.ledger.head
    kept = Known(
        ledger=ledger if newer else found.ledger,
        start=found.start,
        totals=totals if totals is not None and newer else found.totals,
    )
    if coverage is None:
        return kept
    start = parse_time(coverage.from_)
    covered = Windows(map(window_of, coverage.intervals))
    lost = Windows(map(window_of, coverage.lost))
    if max([start, *(window.end for window in (*covered, *lost))]) > LATEST:
        raise ValueError("a ledger holds nothing of such a time")
    return replace(
        kept,
        start=start,
        covered=covered,
        lost=lost,
        rechecked={
            name: Windows(map(window_of, windows)) for name, windows in coverage.rechecked.items()
        },
    )


def _union(sets: Iterable[Windows]) -> Windows:
    return Windows(window for windows in sets for window in windows)


def window_of(interval: WindowText | Interval | Gap) -> Window:
    """A range that a text names.

    Raises:
        ValueError: it holds no time, or no range.
    """
    return _window(interval.start, interval.end)


@functools.lru_cache(maxsize=4_096)  # the hundreds of results of a run name the same ranges
def _window(start: str, end: str) -> Window:
    return Window(parse_time(start), parse_time(end))


@dataclass(frozen=True, slots=True)
class Attempt:
    """Runs that were at a range and did not export it."""

    window: Window
    count: int
    last: Instant
    """When the last of them ended."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often what is missing was tried: remembered by the gaps, however the Jobs come and go."""

    before: tuple[Attempt, ...] = ()
    """What the status remembers."""
    new: tuple[Attempt, ...] = ()
    """What ended since."""

    def at(self, gap: Window) -> tuple[int, Instant | None]:
        """How often a gap was tried, and when the last attempt ended."""
        before = [attempt for attempt in self.before if attempt.window.overlaps(gap)]
        new = [attempt for attempt in self.new if attempt.window.overlaps(gap)]
        count = max((attempt.count for attempt in before), default=0)
        count += sum(attempt.count for attempt in new)
        return count, max((attempt.last for attempt in (*before, *new)), default=None)


def remembered_attempts(status: SyncLogExportStatus) -> tuple[Attempt, ...]:
    """The attempts that the status remembers."""
    gaps = status.coverage.gaps if status.coverage else []
    return tuple(
        Attempt(window_of(gap), gap.attempts, parse_time(gap.last_attempt))
        for gap in gaps
        if gap.attempts and gap.last_attempt is not None
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is under way, besides what is known."""

    due_until: Instant | None = None
    """Up to where everything that is asked for has come due."""
    asked: Windows | None = None
    """What look-backs asked for, due or not; None: everything is asked for."""
    exporting: Windows = field(default_factory=Windows)
    """What active runs are at."""
    tried: Windows = field(default_factory=Windows)
    """What runs were at that ended without exporting it."""
    attempts: Attempts = field(default_factory=Attempts)
    rounds: tuple[str, ...] = ()
    """The rounds of rechecks that the spec names."""
    readable_from: Instant = 0
    """What is older is forgotten by the source, and so never rechecked."""


def due(start: Instant, due_until: Instant | None, asked: Windows | None) -> Windows:
    """What came due from an instant on.

    Args:
        start: the instant.
        due_until: up to where everything that is asked for has come due.
        asked: what is asked for; None: everything.
    """
    reach = Windows() if due_until is None else _range(start, due_until)
    return reach if asked is None else reach & asked


def describe(found: Known, outlook: Outlook) -> Coverage | None:
    """The coverage as the status shows it; None while the ledger is not known."""
    if found.start is None:
        return None
    due_until, exporting, tried = outlook.due_until, outlook.exporting, outlook.tried
    attempts = outlook.attempts
    missing = due(found.start, due_until, outlook.asked) - found.settled
    gaps = [
        *_gaps(missing & exporting, GapState.EXPORTING, attempts),
        *_gaps((missing & tried) - exporting, GapState.FAILED, attempts),
        *_gaps(missing - exporting - tried, GapState.PENDING, attempts),
    ]
    lost = _gaps(found.lost, GapState.LOST)
    forgotten = _range(found.start, outlook.readable_from)
    return Coverage(
        from_=format_time(found.start),
        due_until=None if due_until is None else format_time(due_until),
        asked=list(map(_interval, outlook.asked or ())),
        intervals=_listed(found.covered, LISTED),
        rechecked=[
            RecheckRound(after=name, intervals=_newest(windows - forgotten, LISTED_OF_A_ROUND))
            for name, windows in sorted(found.rechecked.items())
            if name in outlook.rounds
        ],
        # The lost come first: they are in no other place of the status.
        gaps=sorted([*lost, *gaps][:LISTED], key=lambda gap: gap.start),
        gap_count=len(missing),
        gap_seconds=missing.length // 1000,
        lost_seconds=found.lost.length // 1000,
    )


def watermark(found: Known, asked: Windows | None = None) -> Instant | None:
    """Everything from the pinned start to here, if it is asked for, is accounted for."""
    if found.start is None or asked is None:
        return None if found.start is None else found.settled.reach(found.start)
    missing = [window.start for window in asked - found.settled]
    return min(missing or [max([found.start, *(window.end for window in found.settled)])])


def failed_gaps(status: SyncLogExportStatus) -> Windows:
    """The gaps that the status remembers as tried and failed."""
    gaps = status.coverage.gaps if status.coverage else []
    return Windows(window_of(gap) for gap in gaps if gap.state is GapState.FAILED)


def _range(start: Instant, end: Instant) -> Windows:
    return Windows([Window(start, end)]) if start < end else Windows()


def _gaps(windows: Windows, state: GapState, attempts: Attempts | None = None) -> list[Gap]:
    gaps = []
    for window in windows:
        count, last = attempts.at(window) if attempts else (0, None)
        gaps.append(
            Gap(
                start=format_time(window.start),
                end=format_time(window.end),
                state=state,
                attempts=count,
                last_attempt=None if last is None else format_time(last),
            )
        )
    return gaps


def _newest(windows: Windows, most: int) -> list[Interval]:
    return [_interval(window) for window in list(windows)[-most:]]


def _listed(windows: Windows, most: int) -> list[Interval]:
    """The intervals of a set, as many as a status may have.

    The newest is kept besides the oldest, for the watermarks. What falls out is asked for
    again one day, and the ledger answers that it is there.
    """
    found = list(windows)
    kept = found if len(found) <= most else [*found[: most - 1], found[-1]]
    return [_interval(window) for window in kept]


def _interval(window: Window) -> Interval:
    return Interval(start=format_time(window.start), end=format_time(window.end))
