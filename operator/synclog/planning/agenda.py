"""The present: what has come due, and the runs that are started for it."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from synclog.api.run import Purpose, Slot
from synclog.planning import due, rechecks, slots
from synclog.planning.books import Books
from synclog.planning.intent import Intent
from synclog.planning.model import CreateRun, Observed, Run
from synclog.windows import Instant, Window, Windows, parse_time


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is due, and what is started."""

    due_until: Instant | None = None
    since: Instant | None = None
    """Since when the schedule is served."""
    last_tick: Instant | None = None
    skipped: tuple[tuple[due.Skip, int], ...] = ()
    trigger: str | None = None
    """The trigger that is answered."""
    creates: tuple[CreateRun, ...] = ()
    wakeups: tuple[Instant, ...] = ()


def set_agenda(observed: Observed, intent: Intent, books: Books, now: Instant) -> Agenda:
    """See what has come due, and fill the slots."""
    main_busy = any(run.slot is Slot.MAIN for run in books.active)
    since, ticks = _ticks(observed, intent, books, now, busy=main_busy)
    trigger = _open_trigger(observed)
    idle = Agenda(
        due_until=_due_so_far(observed, intent, books),
        since=since,
        last_tick=ticks.accounted or optional_time(observed.status.last_schedule_time),
        skipped=ticks.skipped,
        trigger=observed.status.last_trigger
        if trigger
        else observed.spec.trigger or observed.status.last_trigger,
    )
    if observed.spec.suspend:
        return idle
    work = slots.Work(
        found=books.found,
        step=intent.step,
        generation=observed.generation,
        consecutive_failures=books.consecutive_failures,
        last_end=books.last_end,
        urgent=trigger is not None and not main_busy,
    )
    if books.found.ledger is None or books.found.start is None:
        return _inspect(observed, books, work, idle, first=intent.first_instant(now), now=now)
    if not main_busy:
        asked = _asked(intent, idle.due_until, ticks.waiting, trigger, now)
        asked = max(asked, books.found.start)
        idle = _fill(books, work, observed, idle, due_until=asked, tick=ticks.waiting)
    agenda = _retry(books, work, observed.runs, idle, now)
    return _recheck(intent, books, work, observed.runs, agenda, now=now)


def _open_trigger(observed: Observed) -> str | None:
    """The trigger that no run has answered yet."""
    token, told = observed.spec.trigger, set(observed.status.accounted_jobs)
    new = (run for run in observed.runs if run.uid not in told)
    if token == observed.status.last_trigger or any(run.trigger == token for run in new):
        return None
    return token


def _ticks(
    observed: Observed, intent: Intent, books: Books, now: Instant, *, busy: bool
) -> tuple[Instant | None, due.Ticks]:
    """Since when the schedule is served, and its ticks since the last look.

    An edited schedule is served from now on: its past ticks were never promised.
    """
    status, schedule = observed.status, intent.schedule
    if schedule is None:
        return None, due.Ticks()
    since = optional_time(status.schedule_since)
    if since is None or status.effective_schedule != schedule.effective:
        return now, due.Ticks()
    after = max(since, optional_time(status.last_schedule_time) or since)
    until = now if intent.end is None else min(now, intent.end + intent.settle_delay)
    runs = books.active + books.finished
    return since, due.look(
        schedule,
        after,
        until,
        now=now,
        answered={run.scheduled for run in runs if run.scheduled is not None},
        suspended=observed.spec.suspend,
        busy=busy,
        starting_deadline=intent.starting_deadline,
    )


def _due_so_far(observed: Observed, intent: Intent, books: Books) -> Instant | None:
    """Up to where everything has come due, by the status and by the runs that exist."""
    told = observed.status.coverage.due_until if observed.status.coverage else None
    runs = books.active + books.finished
    ends = [window.end for window in slots.spans(runs)]
    ends += [intent.settled(run.scheduled) for run in runs if run.scheduled is not None]
    return max(ends + ([] if told is None else [parse_time(told)]), default=None)


def _asked(
    intent: Intent,
    due_until: Instant | None,
    tick: Instant | None,
    trigger: str | None,
    now: Instant,
) -> Instant:
    """Up to where everything is due when the main slot is free.

    The first look counts as a tick: the source forgets while nobody reads. So does the end
    of a fixed range.
    """
    asked = [] if due_until is None else [due_until]
    if due_until is None or trigger is not None:
        asked.append(intent.settled(now))
    if tick is not None:
        asked.append(intent.settled(tick))
    if intent.end is not None and now >= intent.end + intent.settle_delay:
        asked.append(intent.end)
    return max(asked)


def _inspect(
    observed: Observed,
    books: Books,
    work: slots.Work,
    idle: Agenda,
    *,
    first: Instant,
    now: Instant,
) -> Agenda:
    """Without a known ledger the plan is one inspect run, and no window."""
    if any(run.purpose is Purpose.INSPECT for run in books.active):
        return idle
    tries = [run for run in books.finished if run.purpose is Purpose.INSPECT]
    not_before = slots.wait_after(work, tries)
    if now < not_before:
        return dataclasses.replace(idle, wakeups=(not_before,))
    run = CreateRun(
        purpose=Purpose.INSPECT,
        slot=Slot.MAIN,
        attempt=slots.next_attempt(observed.runs, Purpose.INSPECT, None),
        coverage_start=first,
        trigger=observed.spec.trigger if work.urgent else None,
    )
    answered = observed.spec.trigger if work.urgent else idle.trigger
    return dataclasses.replace(idle, creates=(run,), trigger=answered)


def _fill(
    books: Books,
    work: slots.Work,
    observed: Observed,
    idle: Agenda,
    *,
    due_until: Instant,
    tick: Instant | None,
) -> Agenda:
    """Fill the main slot with what came due since the run before."""
    agenda = dataclasses.replace(
        idle,
        due_until=due_until,
        last_tick=tick or idle.last_tick,
        trigger=observed.spec.trigger if work.urgent else idle.trigger,
    )
    start = slots.frontier(books.found, (*books.active, *books.finished), books.tried)
    if start < due_until:
        run = slots.create(
            work,
            observed.runs,
            Slot.MAIN,
            Window(start, due_until),
            scheduled=tick,
            trigger=observed.spec.trigger if work.urgent else None,
        )
        return dataclasses.replace(agenda, creates=(run,))
    if tick is not None:
        skipped = (*agenda.skipped, (due.Skip.COVERED, 1))
        return dataclasses.replace(agenda, skipped=skipped)
    return agenda


def _retry(
    books: Books, work: slots.Work, runs: Sequence[Run], agenda: Agenda, now: Instant
) -> Agenda:
    """Fill the slot for older gaps, if it is free and a gap may be tried again."""
    if agenda.due_until is None or any(run.slot is Slot.RETRY for run in books.active):
        return agenda
    started = Windows(run.span for run in agenda.creates if run.span is not None)
    busy = slots.spans(books.active) | started
    ended = slots.frontier(books.found, (*books.active, *books.finished), books.tried)
    until = min(agenda.due_until, ended)
    waiting = slots.retries(work, books.finished, busy, until)
    if not waiting:
        return agenda
    if now < waiting[0].not_before:
        return dataclasses.replace(agenda, wakeups=(*agenda.wakeups, waiting[0].not_before))
    run = slots.create(work, runs, Slot.RETRY, waiting[0].gap)
    return dataclasses.replace(agenda, creates=(*agenda.creates, run))


def _recheck(
    intent: Intent,
    books: Books,
    work: slots.Work,
    runs: Sequence[Run],
    agenda: Agenda,
    *,
    now: Instant,
) -> Agenda:
    """Fill the slot for rechecks, if it is free and an exported window is old enough."""
    if any(run.slot is Slot.RECHECK for run in books.active):
        return agenda
    at = now if intent.schedule is None else agenda.last_tick
    if at is None:
        return agenda
    rounds = rechecks.due(intent, work, books.finished, at, now)
    wakeups = [*agenda.wakeups]
    if intent.schedule is None and (coming := rechecks.next_due(intent, now)) is not None:
        wakeups.append(coming)
    if not rounds or now < rounds[0].not_before:
        wakeups += [waiting.not_before for waiting in rounds[:1]]
        return dataclasses.replace(agenda, wakeups=tuple(wakeups))
    first = rounds[0]
    run = slots.create(work, runs, Slot.RECHECK, first.span, recheck=first.name)
    return dataclasses.replace(agenda, creates=(*agenda.creates, run), wakeups=tuple(wakeups))


def optional_time(text: str | None) -> Instant | None:
    """Read a time that may be missing."""
    return None if text is None else parse_time(text)
