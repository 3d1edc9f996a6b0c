"""Which exported windows are to be read again.

The source may show an event late. Each round of rechecks reads a window again when its end is
so old. A window that was exported when it was older than that was read late enough: the ledger
says so, and it is not read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from synclog.api.rounds import by_time
from synclog.api.run import Purpose
from synclog.planning import slots
from synclog.planning.coverage import LISTED_OF_A_ROUND
from synclog.planning.intent import Intent
from synclog.planning.model import Run
from synclog.windows import HOUR, MINUTE, Instant, Span, Window, Windows

_TOO_LATE: Span = HOUR + 5 * MINUTE
"""What the source forgets so soon is not read again: a missing row would prove nothing.

The exporter's own margin is an hour by the source's clock; asked for less, it would find nothing
to do, and be asked again and again.
"""


@dataclass(frozen=True, slots=True)
class Round:
    """A range that is due for a round, and from when on it may be read."""

    name: str
    span: Window
    not_before: Instant


def due(
    intent: Intent, work: slots.Work, finished: Sequence[Run], at: Instant, now: Instant
) -> list[Round]:
    """What is due to be read again, the one that may go first in front.

    Args:
        intent: the rounds, and the step: whole multiples of it are read.
        work: what is known.
        finished: the runs that ended.
        at: the tick that asks: rechecks keep to the schedule too.
        now: the time.
    """
    found = []
    oldest = now - intent.retention + _TOO_LATE
    for name, age in intent.rounds:
        until = (at - max(age, intent.settle_delay)) // intent.step * intent.step
        if oldest >= until:
            continue
        readable = work.found.covered & Windows([Window(oldest, until)])
        done = work.found.rechecked.get(name, Windows())
        if len(done) >= LISTED_OF_A_ROUND:
            # The status remembers so many ranges; what is older was done, and is forgotten.
            first = list(done)[-LISTED_OF_A_ROUND].start
            readable &= Windows([Window(min(first, until - 1), until)])
        for span in readable - done:
            tries = slots.tries_at(finished, Purpose.RECHECK, span, name)
            found.append(Round(name, span, slots.wait_after(work, tries)))
    return sorted(found, key=lambda item: (item.not_before, item.span.start))


def names(intent: Intent, due_until: Instant | None) -> tuple[str, ...]:
    """The rounds that a window may have had: of a look-back, only the newest one's."""
    if intent.look_back is None:
        return tuple(name for name, _ in intent.rounds)
    return () if due_until is None else (by_time(due_until),)


def of_look_back(
    intent: Intent, work: slots.Work, finished: Sequence[Run], due_until: Instant | None
) -> list[Round]:
    """What the newest look-back finds exported and was not read since: one range, or none.

    It may have gaps in it; the exporter reads what is exported. In one run, or where ticks come
    fast and there are gaps, the part behind a gap would wait for ever.

    Args:
        intent: how far a look-back reaches.
        work: what is known.
        finished: the runs that ended.
        due_until: the end of the newest look-back that has come due.
    """
    if due_until is None or intent.look_back is None:
        return []
    name, start = by_time(due_until), due_until + intent.settle_delay - intent.look_back
    oldest = work.now - intent.retention + _TOO_LATE
    if max(start, oldest) >= due_until:
        return []
    reach = Windows([Window(max(start, oldest), due_until)])
    due = list((work.found.covered & reach) - work.found.rechecked.get(name, Windows()))
    if not due:
        return []
    span = Window(due[0].start, due[-1].end)
    tries = slots.tries_at(finished, Purpose.RECHECK, span, name)
    settled = due_until + intent.settle_delay  # later than it was, where the delay is longer now
    return [Round(name, span, max(settled, slots.wait_after(work, tries)))]


def next_due(intent: Intent, covered: Windows, now: Instant) -> Instant | None:
    """When the next whole step that is exported becomes old enough for a round."""
    last = max((window.end for window in covered), default=None)
    if last is None:
        return None
    ages = (max(age, intent.settle_delay) for _, age in intent.rounds)
    ends = ((((now - age) // intent.step + 1) * intent.step, age) for age in ages)
    return min((end + age for end, age in ends if end < last + intent.step), default=None)
