"""Which runs to start. An export has three slots: what came due, older gaps, and rechecks.

Laws (tests/unit/planning checks them): no two active runs share an instant; everything that
is due and not settled is in an active run, in the run that is started, or in a gap that will
be eligible for one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synclog.api.run import Purpose, Slot
from synclog.planning.coverage import Attempts, Known
from synclog.planning.model import CreateRun, Run
from synclog.planning.pauses import back_off
from synclog.windows import Instant, Span, Window, Windows

MOST_WINDOWS = 500
"""Windows of one run. A longer backlog is worked off by several runs, oldest first."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the choice of runs depends on, besides the runs."""

    found: Known
    step: Span
    settle_delay: Span
    generation: int
    consecutive_failures: int
    last_end: Instant | None
    """When the last run ended."""
    attempts: Attempts
    now: Instant
    urgent: bool
    """A person asked for a run now: back-off does not hold."""


def spans(runs: Iterable[Run]) -> Windows:
    """Everything that these runs export."""
    exports = (run for run in runs if run.purpose is Purpose.WINDOW)
    return Windows(run.span for run in exports if run.span is not None)


def of_the_past(runs: Iterable[Run], now: Instant) -> list[Window]:
    """What each of these runs exports, one by one.

    Without what was tried of the future, by a clock that was ahead.
    """
    exports = (run.span for run in runs if run.purpose is Purpose.WINDOW and run.span is not None)
    return [span for span in exports if span.end <= now]


def frontier(found: Known, runs: Sequence[Run], failed: Windows, now: Instant) -> Instant:
    """The end of what was tried so far: what comes due after it belongs to the main slot.

    Args:
        found: what is known.
        runs: the runs that exist.
        failed: the gaps of runs that may not exist any more.
        now: the time.
    """
    assert found.start is not None
    ends = [found.start]
    ends += (window.end for window in (*failed, *of_the_past(runs, now)) if window.end <= now)
    # What is settled may reach past a clock that was set back; it is settled all the same.
    ends += (min(window.end, now) for window in found.settled if window.start < now)
    return max(ends)


def next_attempt(runs: Iterable[Run], purpose: Purpose, start: Instant | None) -> int:
    """The attempt that names the next run, derived from the runs that exist."""
    return 1 + max(
        (
            run.attempt
            for run in runs
            if run.purpose is purpose and (run.span.start if run.span else None) == start
        ),
        default=0,
    )


def head_of(span: Window, step: Span) -> Window:
    """As much of a span, from its start, as one run may take."""
    return Window(span.start, min(span.end, (span.start // step + MOST_WINDOWS) * step))


def create(
    work: Work,
    runs: Sequence[Run],
    slot: Slot,
    span: Window,
    *,
    recheck: str = "",
    scheduled: Instant | None = None,
    trigger: str | None = None,
) -> CreateRun:
    """The run for the first windows of a span."""
    assert work.found.start is not None
    taken = head_of(span, work.step)
    purpose = Purpose.RECHECK if recheck else Purpose.WINDOW
    return CreateRun(
        purpose=purpose,
        slot=slot,
        attempt=next_attempt(runs, purpose, taken.start),
        coverage_start=work.found.start,
        ledger=work.found.ledger,
        span=taken,
        step=work.step,
        recheck=recheck,
        scheduled=scheduled,
        trigger=trigger,
    )


def ripe(work: Work, wanted: Windows) -> tuple[Windows, Instant | None]:
    """What of a range is settled by now, and when more of it will be.

    It came due when it was settled. But the delay may be longer by now, and the clock may have
    been set back; a run would find it too young. Of a range in between, whole steps are taken.
    """
    until = work.now - work.settle_delay
    edge = until // work.step * work.step
    taken, more = [], []
    for window in wanted:
        end = window.end if window.end <= until else min(edge, window.end)
        if end > window.start:
            taken.append(Window(window.start, end))
        if end < window.end:
            following = (max(until, window.start) // work.step + 1) * work.step
            more.append(min(window.end, following) + work.settle_delay)
    return Windows(taken), min(more, default=None)


@dataclass(frozen=True, slots=True)
class Retry:
    """A gap, and from when on it may be tried again."""

    gap: Window
    not_before: Instant


def retries(work: Work, finished: Sequence[Run], gaps: Windows) -> list[Retry]:
    """The gaps, which no run is at, the one that may go first in front."""
    found = [Retry(gap, not_before(work, finished, gap)) for gap in gaps]
    return sorted(found, key=lambda retry: (retry.not_before, retry.gap.start))


def not_before(work: Work, finished: Sequence[Run], gap: Window) -> Instant:
    """From when on a gap may be tried again.

    It waits for its own failures only: a poisoned one must not hold up the others.
    """
    count, last = work.attempts.at(gap)
    tries = tries_at(finished, Purpose.WINDOW, gap)
    edited = any(run.generation < work.generation for run in tries[-1:])
    if work.urgent or edited or last is None or last > work.now:
        return 0
    return last + back_off(count)


def tries_at(
    finished: Iterable[Run], purpose: Purpose, gap: Window, recheck: str = ""
) -> list[Run]:
    """The runs that were at a range and left something of it."""
    return [
        run
        for run in finished
        if run.purpose is purpose
        and run.recheck == recheck
        and run.span is not None
        and run.span.overlaps(gap)
    ]


def wait_after(work: Work, tries: Sequence[Run]) -> Instant:
    """From when on something may be tried again, given the runs that ended without success."""
    if work.urgent or any(run.generation < work.generation for run in tries[-1:]):
        return 0
    told = [run.finished for run in tries if run.finished is not None]
    failures = max(len(told), work.consecutive_failures)
    # An end in the future was told by a clock that is ahead; the status has our own clock's.
    ended = [end for end in told if end <= work.now]
    if len(ended) < len(told) or (failures and not told):
        ended += [end for end in (work.last_end,) if end is not None and end <= work.now]
    return max(ended) + back_off(failures) if ended else 0
