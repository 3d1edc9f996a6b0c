"""The present: what has come due, and the runs that are started for it."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from synclog.api.run import Purpose, Slot
from synclog.planning import coverage, due, history, lookback, rechecks, slots
from synclog.planning.books import Books
from synclog.planning.intent import Intent
from synclog.planning.model import CreateRun, Observed, Run
from synclog.planning.ticking import Ticking, see_ticks
from synclog.windows import SECOND, Instant, Window, Windows, parse_time


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is due, and what is started."""

    due_until: Instant | None = None
    asked: Windows | None = None
    """What look-backs asked for and is not exported, due or not; None: everything is asked for."""
    since: Instant | None = None
    """Since when the schedule is served."""
    last_tick: Instant | None = None
    skipped: tuple[tuple[due.Skip, int], ...] = ()
    trigger: str | None = None
    """The trigger that is answered."""
    held_until: Instant | None = None
    """Until when no run starts, after one that failed as the next would."""
    creates: tuple[CreateRun, ...] = ()
    wakeups: tuple[Instant, ...] = ()


def set_agenda(observed: Observed, intent: Intent, books: Books, now: Instant) -> Agenda:
    """See what has come due, and fill the slots."""
    main_busy = any(run.slot is Slot.MAIN for run in books.active)
    trigger = _open_trigger(observed)
    urgent = trigger is not None and not main_busy
    held = None if urgent else books.held_until(observed.generation, now)
    passed_over = _passed_over(observed, main_busy=main_busy, held=held is not None)
    ticking = see_ticks(observed, intent, books, now, passed_over=passed_over)
    idle = _idle(observed, intent, books, now, ticking=ticking)
    if observed.spec.suspend:
        return idle
    work = slots.Work(
        found=books.found,
        step=intent.step,
        settle_delay=intent.settle_delay,
        generation=observed.generation,
        consecutive_failures=books.consecutive_failures,
        last_end=books.last_end,
        attempts=books.attempts,
        now=now,
        urgent=urgent,
    )
    if books.found.ledger is None or books.found.start is None:
        agenda = _inspect(
            observed, books, work, idle, first=intent.first(observed.created), now=now
        )
    elif held is not None:
        agenda = dataclasses.replace(idle, held_until=held, wakeups=(held,))
    else:
        agenda = idle
        if not main_busy:
            agenda = _main(observed, intent, books, work, idle, ticking=ticking)
        agenda = _retry(books, work, observed.runs, agenda, now)
        agenda = _recheck(intent, books, work, observed.runs, agenda, now=now)
    names = rechecks.names(intent, agenda.due_until)
    creates = tuple(dataclasses.replace(run, rounds=names) for run in agenda.creates)
    if observed.refused is None:
        return dataclasses.replace(agenda, creates=creates)
    # The API server takes no Job: what was asked for stays open until it does.
    return dataclasses.replace(idle, creates=creates, wakeups=agenda.wakeups)


def _passed_over(observed: Observed, *, main_busy: bool, held: bool) -> due.Skip:
    """Why a tick had no run until after the next one."""
    if main_busy:
        return due.Skip.OVERLAP
    if held:
        return due.Skip.BACK_OFF
    return due.Skip.REFUSED if observed.was_refused else due.Skip.MISSED


def _idle(
    observed: Observed, intent: Intent, books: Books, now: Instant, *, ticking: Ticking
) -> Agenda:
    """The agenda if no run is started: a tick that is owed then has none."""
    status, ticks, owed = observed.status, ticking.ticks, ticking.owed
    skipped = ticks.skipped if owed is None else (*ticks.skipped, (due.Skip.EDITED, 1))
    due_until = _due_so_far(observed, intent, books, now)
    if owed is not None:
        due_until = max(intent.settled(owed), due_until or 0)
    answered = status.last_trigger
    if observed.spec.trigger and _open_trigger(observed) is None:
        answered = observed.spec.trigger
    return Agenda(
        due_until=due_until,
        asked=_asked_for(observed, intent, books, ticks, now),
        since=ticking.since,
        last_tick=owed or ticks.accounted or ticking.last,
        skipped=skipped,
        trigger=answered,
    )


def _asked_for(
    observed: Observed, intent: Intent, books: Books, ticks: due.Ticks, now: Instant
) -> Windows | None:
    """What look-backs asked for so far and is not exported; None where they do not decide."""
    start, look_back = books.found.start, intent.look_back
    if look_back is None or start is None:
        return None
    seen = ticks.seen
    if observed.status.coverage is None and intent.schedule is not None:
        # A status that was lost. What its ticks asked for is told by the schedule.
        begin = max(start, observed.created, now - intent.retention)
        seen = (*intent.schedule.due(begin, now), *seen)
    # Runs whose status was never written: what they are at was asked for, and more by a person.
    triggered = (
        run.created
        for run in observed.runs
        if run.trigger is not None and run.trigger != observed.status.last_trigger
    )
    asked = (
        lookback.remembered(observed.status)
        | lookback.looks(intent, sorted({*seen, *triggered}))
        | slots.spans(books.active + books.finished)
    )
    # Nothing of the future: a clock that was ahead asked for that.
    return (asked & Windows([Window(start, max(now, start + 1))])) - books.found.settled


def _main(
    observed: Observed,
    intent: Intent,
    books: Books,
    work: slots.Work,
    idle: Agenda,
    *,
    ticking: Ticking,
) -> Agenda:
    """Fill the main slot, unless there is nothing to do for it yet."""
    assert work.found.start is not None
    tick = ticking.ticks.waiting or ticking.owed
    idle = dataclasses.replace(idle, skipped=ticking.ticks.skipped)
    asked = _asked(intent, idle.due_until, tick, work)
    if asked <= work.found.start and idle.due_until is None and tick is None:
        # Coverage starts in the future, and nothing would wake us for it.
        return dataclasses.replace(idle, wakeups=(work.found.start + intent.settle_delay + SECOND,))
    last = books.last_run
    if (
        last is not None
        and last.reason in history.GONE
        and tick is None
        and not work.urgent
        and work.now < (again := slots.wait_after(work, ()))
    ):
        return dataclasses.replace(idle, wakeups=(again,))  # somebody takes our Jobs away
    due_until = max(asked, work.found.start)
    if idle.asked is not None and (idle.due_until is None or work.urgent):
        mine = lookback.looks(intent, [work.now]) - work.found.settled
        mine &= Windows([Window(work.found.start, work.now)])
        idle = dataclasses.replace(idle, asked=idle.asked | mine)
    return _fill(books, work, observed, idle, due_until=due_until, tick=tick)


def _open_trigger(observed: Observed) -> str | None:
    """The trigger that no run has answered yet."""
    # An empty text is what a template renders where no trigger is set.
    token, told = observed.spec.trigger or None, set(observed.status.accounted_jobs)
    new = (run for run in observed.runs if run.uid not in told)
    if token == observed.status.last_trigger or any(run.trigger == token for run in new):
        return None
    return token


def _due_so_far(observed: Observed, intent: Intent, books: Books, now: Instant) -> Instant | None:
    """Up to where everything has come due, by the status and by the runs that exist.

    Nothing of the future can be due: that was said by a clock that was ahead. Nor can what lies
    behind the end of a fixed range, where that was moved.
    """
    told = observed.status.coverage.due_until if observed.status.coverage else None
    ends = [span.end for span in slots.of_the_past(books.active + books.finished, now)]
    if told is not None:
        due_until = parse_time(told)
        ends.append(due_until if due_until <= now else intent.settled(now))
    last = max(ends, default=None)
    return last if last is None or intent.end is None else min(last, intent.end)


def _asked(
    intent: Intent, due_until: Instant | None, tick: Instant | None, work: slots.Work
) -> Instant:
    """Up to where everything is due when the main slot is free.

    The first look counts as a tick: the source forgets while nobody reads. So does the end
    of a fixed range.
    """
    asked = [] if due_until is None else [due_until]
    if due_until is None or work.urgent:
        asked.append(intent.settled(work.now))
    if tick is not None:
        asked.append(intent.settled(tick))
    if intent.end is not None and intent.over_at is not None and work.now >= intent.over_at:
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
    start = slots.frontier(books.found, (*books.active, *books.finished), books.failed, work.now)
    ahead, more = slots.ripe(work, coverage.due(start, due_until, agenda.asked))
    if more is not None:
        agenda = dataclasses.replace(agenda, wakeups=(*agenda.wakeups, more))
    if ahead and tick is None and not work.found.settled.overlaps(Window(start - 1, start)):
        # It goes on where a run failed: without a pause, all of a backlog would fail in turn.
        again = slots.not_before(work, books.finished, Window(start - 1, start))
        if work.now < again:
            return dataclasses.replace(agenda, wakeups=(*agenda.wakeups, again))
    if ahead:
        run = slots.create(
            work,
            observed.runs,
            Slot.MAIN,
            next(iter(ahead)),
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
    if (
        agenda.due_until is None
        or books.found.start is None
        or any(run.slot is Slot.RETRY for run in books.active)
    ):
        return agenda
    started = Windows(run.span for run in agenda.creates if run.span is not None)
    busy = slots.spans(books.active) | started
    ended = slots.frontier(books.found, (*books.active, *books.finished), books.failed, now)
    until = min(agenda.due_until, ended)
    wanted = coverage.due(books.found.start, until, agenda.asked) - books.found.settled - busy
    wanted, more = slots.ripe(work, wanted)
    if more is not None:
        agenda = dataclasses.replace(agenda, wakeups=(*agenda.wakeups, more))
    waiting = slots.retries(work, books.finished, wanted)
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
    over = intent.over_at is not None and now >= intent.over_at
    alone = intent.schedule is None or over
    at = now if alone else agenda.last_tick
    if intent.look_back is not None:
        rounds = rechecks.of_look_back(intent, work, books.finished, agenda.due_until)
    else:
        rounds = [] if at is None else rechecks.due(intent, work, books.finished, at, now)
    wakeups = [*agenda.wakeups]
    coming = rechecks.next_due(intent, books.found.covered, now) if alone else None
    if coming is not None:
        wakeups.append(coming)
    if not rounds or now < rounds[0].not_before:
        wakeups += [waiting.not_before for waiting in rounds[:1]]
        return dataclasses.replace(agenda, wakeups=tuple(wakeups))
    first = rounds[0]
    run = slots.create(work, runs, Slot.RECHECK, first.span, recheck=first.name)
    return dataclasses.replace(agenda, creates=(*agenda.creates, run), wakeups=tuple(wakeups))
