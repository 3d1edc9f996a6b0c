"""Which ticks are due, and what became of those that got no run of their own.

A tick is only a trigger: it raises the instant up to which everything is due. So a tick that
is skipped loses nothing, and many missed ticks are answered by one run.
"""

import itertools
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum

from synclog.planning.schedule import Schedule
from synclog.windows import Instant, Span

_MOST_TICKS = 200_000
"""Ticks counted at once: more than a schedule of every minute has in the source's retention."""


class Skip(Enum):
    """Why a tick got no run of its own."""

    SUSPENDED = "Suspended"
    """The resource was suspended when it was due."""
    OVERLAP = "Overlap"
    """A run was active until after the next tick, which answers for both."""
    MISSED = "Missed"
    """Several were due at once, after the operator was away; the newest answers for all."""
    DEADLINE = "DeadlineExceeded"
    """It could not start within `startingDeadline`."""
    BACK_OFF = "BackOff"
    """Runs were held back after a failure until after the next tick, which answers for both."""
    REFUSED = "JobRefused"
    """No Job could be created until after the next tick, which answers for both."""
    EDITED = "ScheduleEdited"
    """The schedule was edited while it waited for a run that was active, or held back."""
    COVERED = "AlreadyCovered"
    """Everything that it asked for was exported."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """The ticks since the last look."""

    waiting: Instant | None = None
    """The newest one, if it waits for a run."""
    accounted: Instant | None = None
    """The newest one that waits for nothing."""
    skipped: tuple[tuple[Skip, int], ...] = ()
    seen: tuple[Instant, ...] = ()
    """All of them."""


def look(
    schedule: Schedule,
    after: Instant,
    until: Instant,
    *,
    now: Instant,
    answered: Collection[Instant],
    suspended: bool,
    passed_over: Skip,
    starting_deadline: Span | None,
) -> Ticks:
    """Account for every tick in ``(after, until]``.

    Args:
        schedule: the schedule.
        after: the newest tick that was accounted for, or since when the schedule is served.
        until: the time, or the end of a fixed range.
        now: the time.
        answered: ticks that have a run, by the runs that exist.
        suspended: whether new runs are held back.
        passed_over: why older ticks get no run, where the newest answers for them.
        starting_deadline: how long a tick may wait.
    """
    ticks = list(itertools.islice(schedule.due(after, until), _MOST_TICKS))
    open_ticks = [tick for tick in ticks if tick not in answered]
    if not ticks:
        return Ticks()
    if suspended:
        return _skip(ticks, open_ticks, Skip.SUSPENDED)
    if not open_ticks or open_ticks[-1] < ticks[-1]:
        return _skip(ticks, open_ticks, Skip.MISSED)
    *older, newest = open_ticks
    if starting_deadline is not None and now - newest > starting_deadline:
        return _skip(ticks, open_ticks, Skip.DEADLINE)
    found = _skip(ticks[:-1], older, passed_over)
    return replace(found, waiting=newest, seen=tuple(ticks))


def _skip(ticks: list[Instant], skipped: list[Instant], why: Skip) -> Ticks:
    return Ticks(
        accounted=ticks[-1] if ticks else None,
        skipped=((why, len(skipped)),) if skipped else (),
        seen=tuple(ticks),
    )
