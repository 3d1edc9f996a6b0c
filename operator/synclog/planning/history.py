"""Runs that ended: counted once, kept for a while, then deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from synclog.api.run import FAILED, NOT_RETRIED_JOB, SUCCEEDED, Purpose, RunResult
from synclog.api.spec import History
from synclog.api.status import HeldBack, Interval, LastRun, shown_message, shown_reason
from synclog.planning.model import DeleteRun, Event, Run, RunState
from synclog.planning.pauses import back_off
from synclog.windows import (
    MINUTE,
    Instant,
    Span,
    format_duration,
    format_seconds,
    format_time,
    parse_time,
)

ABANDONED_AFTER: Span = 5 * MINUTE
"""How long a Job may be failing without being failed: a dead node keeps its pods for ever."""
_ABANDONED_KEPT = 20
"""Abandoned Jobs that are kept: they are for a person to look at, not for ever to grow."""
_KINDS_OF_ENDINGS = 60
"""Results with reasons that are counted apart; reasons come from many places."""
_BY_POLICY = "PodFailurePolicy"
"""Why a Job failed that a pod's exit code ended, by the rule for those that nothing can heal."""
GONE = ("JobDeleted", "JobGone")
"""Reasons of runs whose Job somebody took away."""


class Result(Enum):
    """How a run ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ABANDONED = "Abandoned"


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that ended, and how."""

    run: Run
    result: Result
    reason: str
    message: str
    at: Instant


def ending(run: Run, now: Instant, pending_timeout: Span, generation: int) -> Ending | None:
    """How a run ended; None while it has not.

    Args:
        run: the run.
        now: the time.
        pending_timeout: how long it may take to start.
        generation: of the spec.
    """
    match run.state:
        case RunState.SUCCEEDED:
            return _succeeded(run, now)
        case RunState.FAILED:
            reason, message = _blame(run)
            return Ending(run, Result.FAILED, reason, message, _end(run, now))
        case RunState.DELETING:
            message = "its Job was deleted before it ended"
            return Ending(run, Result.FAILED, "JobDeleted", message, _end(run, now))
        case RunState.ACTIVE:
            return _overdue(run, now, pending_timeout, generation)


def _end(run: Run, now: Instant) -> Instant:
    """When a run ended. Not after now: the clock that tells it may be ahead of the operator's."""
    return now if run.finished is None else min(run.finished, now)


def _succeeded(run: Run, now: Instant) -> Ending:
    done = [result for result in run.results if result.outcome == SUCCEEDED]
    events = sum(result.events for result in done)
    if run.purpose is Purpose.INSPECT:
        reason, message = "Inspected", "the destination is fit and its ledger is known"
    elif run.purpose is Purpose.RECHECK:
        late = sum(result.late_events for result in done)
        reason, message = "Rechecked", f"read {run.span} again: {late} late events"
    elif done and all(result.reason == "AlreadyCovered" for result in done):
        reason, message = "AlreadyCovered", "everything was in the ledger already"
    else:
        reason, message = "Exported", f"exported {events} events"
    return Ending(run, Result.SUCCEEDED, reason, message, _end(run, now))


def _blame(run: Run) -> tuple[str, str]:
    """The reason of a failure: what the exporter said last, else what the Job says."""
    failures = [result for result in run.results if result.outcome == FAILED]
    if failures:
        return failures[-1].reason, failures[-1].message
    if run.stuck is not None:
        return run.stuck.reason, run.stuck.message
    return run.reason or "Failed", run.message


def _overdue(run: Run, now: Instant, pending_timeout: Span, generation: int) -> Ending | None:
    if run.failing_since is not None:
        if now < run.failing_since + ABANDONED_AFTER:
            return None
        _, message = _blame(run)
        waited = format_duration(now - run.failing_since)
        message = f"its pods did not go away for {waited} after it failed: {message}"
        return Ending(run, Result.ABANDONED, "Abandoned", message, now)
    if run.stuck is None:
        return None
    if run.generation < generation and not run.results:
        # The edit may be what it waits for, and a Job's pods cannot be changed. Whose pods could
        # start before does not wait for that.
        message = f"it had not started when the spec was edited: {run.stuck.message}"
        return Ending(run, Result.FAILED, run.stuck.reason, message, now)
    if now >= run.stuck.since + pending_timeout:
        return Ending(run, Result.FAILED, run.stuck.reason, run.stuck.message, now)
    return None


def _is_for_all(end: Ending) -> bool:
    """Whether the next run would meet the same, whatever it is for."""
    if end.result is Result.SUCCEEDED:
        return False
    failures = [result for result in end.run.results if result.outcome == FAILED]
    if failures:
        return failures[-1].exit_code in NOT_RETRIED_JOB
    return end.run.reason == _BY_POLICY


def held_back(before: HeldBack | None, end: Ending) -> HeldBack | None:
    """Whether runs are held back after a run that ended, and how long.

    What failed by configuration or authorisation fails at once, so runs would follow each other
    without a pause. Runs that were side by side count as one failure.
    """
    if end.result is Result.SUCCEEDED:
        return None
    if not _is_for_all(end):
        return before
    again = before is not None and before.generation == end.run.generation
    failures = before.failures if again and before else 0
    if before is None or not again or end.run.created > parse_time(before.since):
        failures += 1
    return HeldBack(
        reason=shown_reason(end.reason),
        failures=failures,
        since=format_seconds(end.at),
        until=format_seconds(end.at + back_off(failures)),
        generation=end.run.generation,
    )


def may_end_at(run: Run, pending_timeout: Span) -> Instant | None:
    """When to look at an active run again, even if nothing is heard of it."""
    if run.failing_since is not None:
        return run.failing_since + ABANDONED_AFTER
    return None if run.stuck is None else run.stuck.since + pending_timeout


def vanished(name: str, now: Instant) -> LastRun:
    """The end of a run whose Job is not there any more, and never was seen to end."""
    return LastRun(
        job=name,
        end=format_seconds(now),
        result=Result.FAILED.value,
        reason="JobGone",
        message="its Job went away before it was seen to end",
    )


def count(counts: dict[str, int], result: str, reason: str) -> None:
    """Count an ending by result and reason; too many kinds are counted together."""
    key = f"{result}/{reason}"
    if key not in counts and len(counts) >= _KINDS_OF_ENDINGS:
        key = f"{result}/Other"
    counts[key] = counts.get(key, 0) + 1


def last_run(end: Ending) -> LastRun:
    """An ending as the status shows it."""
    run = end.run
    done: list[RunResult] = [result for result in run.results if result.outcome == SUCCEEDED]
    return LastRun(
        job=run.name,
        scheduled_time=None if run.scheduled is None else format_seconds(run.scheduled),
        start=format_seconds(run.created),
        end=format_seconds(end.at),
        duration=format_duration(max((run.finished or end.at) - run.created, 0) // 1000 * 1000),
        result=end.result.value,
        reason=shown_reason(end.reason),
        message=shown_message(end.message),
        window=None
        if run.span is None
        else Interval(start=format_time(run.span.start), end=format_time(run.span.end)),
        events=sum(result.events for result in done),
        bytes=sum(result.bytes for result in done),
        parts=sum(result.parts for result in done),
        late_events=sum(result.late_events for result in done),
    )


def gone_event(name: str) -> Event:
    """A Job that went away as a Kubernetes event."""
    return Event("Warning", "RunFailed", f"{name}: JobGone: it went away before it was seen to end")


def event(end: Ending) -> Event:
    """An ending as a Kubernetes event."""
    kind = "Normal" if end.result is Result.SUCCEEDED else "Warning"
    return Event(kind, f"Run{end.result.value}", f"{end.run.name}: {end.reason}: {end.message}")


def to_delete(
    runs: Sequence[Run], accounted: Iterable[str], history: History
) -> tuple[DeleteRun, ...]:
    """The Jobs that are not needed any more.

    Args:
        runs: the runs that exist.
        accounted: uids of the runs whose ending a *stored* status tells: deleting a Job
            before that would lose its result.
        history: how many to keep.
    """
    told = set(accounted)
    known = sorted(
        (run for run in runs if run.uid in told),
        key=lambda run: (run.finished or run.created, run.name),
        reverse=True,
    )
    succeeded = [run for run in known if run.state is RunState.SUCCEEDED]
    failed = [run for run in known if run.state is RunState.FAILED]
    active = [run for run in known if run.state is RunState.ACTIVE]
    abandoned = [run for run in active if run.failing_since is not None]
    # Only what is stuck is given up: a run that a wrong clock called abandoned may go on.
    given_up = [run for run in active if run.failing_since is None and run.stuck is not None]
    old = [
        *succeeded[history.successful :],
        *failed[history.failed :],
        *abandoned[_ABANDONED_KEPT:],
    ]
    return (
        *(DeleteRun(run.name, run.uid, "history limit") for run in old),
        *(DeleteRun(run.name, run.uid, "it did not start") for run in given_up),
    )
