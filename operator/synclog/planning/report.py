"""The description: the status and the events that tell what was found and decided."""

from msgspec.structs import replace

from synclog.api.run import Purpose
from synclog.api.status import Coverage, Ledger, StatusTotals
from synclog.planning import conditions, coverage, due, history, lookback, rechecks, slots
from synclog.planning.agenda import Agenda
from synclog.planning.books import Books
from synclog.planning.intent import Intent
from synclog.planning.model import Event, Observed, Plan
from synclog.windows import Instant, Windows, format_seconds, format_time

_SHOWN_TICKS = 3


def report(observed: Observed, intent: Intent, books: Books, agenda: Agenda, now: Instant) -> Plan:
    """Describe what is known and decided as a plan."""
    status, found = observed.status, books.found
    started = Windows(
        run.span for run in agenda.creates if run.span is not None and run.purpose is Purpose.WINDOW
    )
    if observed.refused is not None:
        started = Windows()  # nobody is at it
    active = slots.spans(books.active) | started
    asked = None if agenda.asked is None else lookback.joined(agenda.asked, coverage.LISTED)
    covered = coverage.describe(
        found,
        coverage.Outlook(
            due_until=agenda.due_until,
            asked=asked,
            exporting=active,
            tried=slots.spans(books.finished) | books.failed,
            attempts=books.attempts,
            rounds=rechecks.names(intent, agenda.due_until),
            readable_from=now - intent.retention,
        ),
    )
    findings = conditions.conditions(
        conditions.Situation(
            intent=intent,
            generation=observed.generation,
            suspended=observed.spec.suspend,
            ledger_known=found.ledger is not None,
            coverage=covered,
            active=books.active,
            last_run=books.last_run,
            consecutive_failures=books.consecutive_failures,
            refused=observed.refused,
            held_until=agenda.held_until,
            now=now,
        )
    )
    # A clock that was set back meets ticks once more that had their runs.
    ticks = _next_ticks(intent, max(now, agenda.last_tick or now))
    watermark = coverage.watermark(found, asked)
    new = replace(
        status,
        observed_generation=observed.generation,
        conditions=conditions.record(status, findings, observed.generation, now),
        summary=conditions.summary(findings, active=bool(books.active or agenda.creates)),
        effective_schedule=intent.schedule.effective if intent.schedule else None,
        schedule_since=optional_text(agenda.since),
        next_schedule_times=[format_seconds(tick) for tick in ticks],
        next=format_seconds(ticks[0]) if ticks and not observed.spec.suspend else None,
        last_schedule_time=optional_text(agenda.last_tick),
        last_successful_time=books.last_success,
        covered_until=None if watermark is None else format_time(watermark),
        coverage=covered,
        ledger=None
        if found.ledger is None
        else Ledger(id=found.ledger.id, head=found.ledger.head, digest=found.ledger.digest),
        destination=observed.spec.destination.url,
        active=[run.name for run in books.active][:16],
        active_count=len(books.active),
        last_run=books.last_run,
        consecutive_failures=books.consecutive_failures,
        held_back=books.held_back,
        skipped=_count(status.skipped, agenda.skipped),
        totals=StatusTotals(
            windows=found.totals.windows,
            events=found.totals.events,
            bytes=found.totals.bytes,
            stored_bytes=found.totals.stored_bytes,
            parts=found.totals.parts,
            late_events=found.totals.late_events,
            runs=books.runs,
        ),
        last_trigger=agenda.trigger,
        accounted_jobs=list(books.accounted),
    )
    deletes = history.to_delete(observed.runs, status.accounted_jobs, observed.spec.history)
    wakeups = [*agenda.wakeups, *ticks[:1], *_looks(intent, books, covered, now)]
    return Plan(
        status=new,
        actions=(*agenda.creates, *deletes),
        events=(
            *map(history.gone_event, books.gone),
            *map(history.event, books.endings),
            *_skip_events(agenda),
        ),
        wakeup=min((at for at in wakeups if at > now), default=None),
    )


def _looks(intent: Intent, books: Books, covered: Coverage | None, now: Instant) -> list[Instant]:
    """When something changes although nothing is heard."""
    at = [history.may_end_at(run, intent.pending_timeout) for run in books.active]
    at.append(conditions.at_risk_from(intent, covered))
    at.append(intent.over_at)
    return [moment for moment in at if moment is not None and moment > now]


def _next_ticks(intent: Intent, now: Instant) -> list[Instant]:
    if intent.schedule is None:
        return []
    if intent.over_at is not None and now >= intent.over_at:
        return []  # the range is over
    ticks = intent.schedule.after(now)
    return [next(ticks) for _ in range(_SHOWN_TICKS)]


def _skip_events(agenda: Agenda) -> list[Event]:
    return [
        Event("Normal", "TickSkipped", f"{count} ticks got no run of their own: {why.value}")
        for why, count in agenda.skipped
    ]


def _count(before: dict[str, int], skipped: tuple[tuple[due.Skip, int], ...]) -> dict[str, int]:
    counts = dict(before)
    for why, count in skipped:
        counts[why.value] = counts.get(why.value, 0) + count
    return counts


def optional_text(instant: Instant | None) -> str | None:
    """Write a time that may be missing."""
    return None if instant is None else format_seconds(instant)
