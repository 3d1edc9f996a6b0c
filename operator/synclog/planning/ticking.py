"""Which ticks there were since the last look, and since when the schedule is served."""

import dataclasses
from dataclasses import dataclass

from synclog.planning import due
from synclog.planning.books import Books
from synclog.planning.intent import Intent
from synclog.planning.model import Observed
from synclog.planning.schedule import Schedule, parse_effective
from synclog.windows import HOUR, Instant, Span, parse_time

_SET_BACK: Span = HOUR
"""As far as a clock may be set back without a tick being answered, or counted, once more."""


@dataclass(frozen=True, slots=True)
class Ticking:
    """The schedule, as far as it concerns this look."""

    since: Instant | None
    """Since when the schedule is served; None while there is none to serve."""
    ticks: due.Ticks
    """The ticks since the last look."""
    owed: Instant | None = None
    """A tick of a schedule that is gone: its time has come due, with or without a run."""
    last: Instant | None = None
    """The newest tick that was accounted for before this look."""


def see_ticks(
    observed: Observed, intent: Intent, books: Books, now: Instant, *, passed_over: due.Skip
) -> Ticking:
    """See which ticks there were.

    An edited schedule is served from now on: its past ticks were never promised. So is the
    schedule of a fixed range that was over and whose end was moved. A tick of the old schedule
    that still waited is owed.

    Args:
        observed: the resource, its status and its runs.
        intent: what the user wants.
        books: what has happened.
        now: the time.
        passed_over: why older ticks get no run, where the newest answers for them.
    """
    status, schedule = observed.status, intent.schedule
    over = intent.over_at is not None and now >= intent.over_at
    since, last = optional_time(status.schedule_since), optional_time(status.last_schedule_time)
    runs = books.active + books.finished

    def look(served: Schedule, after: Instant) -> due.Ticks:
        return due.look(
            served,
            after,
            now if intent.over_at is None else min(now, intent.over_at),
            now=now,
            answered={run.scheduled for run in runs if run.scheduled is not None},
            suspended=observed.spec.suspend,
            passed_over=passed_over,
            starting_deadline=intent.starting_deadline,
        )

    after = None if since is None else max(since, last or since)
    same = schedule is not None and status.effective_schedule == schedule.effective
    if after is not None and after > now:
        set_back = same and last is not None and after == last <= now + _SET_BACK
        after = after if set_back else None  # a clock was ahead; what it said of ticks is void
    if after is not None and schedule is not None and same:
        ticks = look(schedule, after)
        return Ticking(None if over and ticks.waiting is None else since, ticks, last=last)
    old = parse_effective(status.effective_schedule) if after is not None else None
    ticks = due.Ticks() if old is None or after is None else look(old, after)
    return Ticking(
        None if schedule is None or over else now,
        dataclasses.replace(ticks, waiting=None),
        owed=ticks.waiting,
        last=last if last is None or last <= now else None,
    )


def optional_time(text: str | None) -> Instant | None:
    """Read a time that may be missing."""
    return None if text is None else parse_time(text)
