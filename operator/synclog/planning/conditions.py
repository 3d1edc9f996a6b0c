"""What holds now: one function a condition, each a pure sentence about the situation."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from synclog.api.spec import SyncLogExportSpec
from synclog.api.status import (
    MESSAGE_LENGTH,
    Condition,
    ConditionStatus,
    ConditionType,
    Coverage,
    GapState,
    LastRun,
    SyncLogExportStatus,
    shown_message,
    shown_reason,
)
from synclog.planning.history import Result
from synclog.planning.intent import Intent
from synclog.planning.model import Run, Stuck
from synclog.windows import (
    Instant,
    Span,
    format_duration,
    format_seconds,
    parse_time,
)

_AT_ONCE = "edit the spec, or set a new spec.trigger, to try at once"
_AT_RISK = 0.15
"""The part of the source's retention that may be left before an unexported instant is at risk."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the conditions speak of."""

    intent: Intent
    generation: int
    suspended: bool
    ledger_known: bool
    coverage: Coverage | None
    active: tuple[Run, ...]
    last_run: LastRun | None
    consecutive_failures: int
    refused: Stuck | None
    held_until: Instant | None
    now: Instant


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition without the bookkeeping."""

    type: ConditionType
    holds: bool | None
    """None: unknown."""
    reason: str
    message: str


def conditions(situation: Situation) -> list[Finding]:
    """All conditions of a resource whose spec is understood."""
    return [
        _ready(situation),
        _progressing(situation),
        _degraded(situation),
        _coverage_complete(situation),
        _retention_at_risk(situation),
        _suspended(situation),
    ]


def _stuck(at: Situation) -> Stuck | None:
    """Why a run that is active does not start."""
    return next((run.stuck for run in at.active if run.stuck is not None), None)


def _not_started(at: Situation) -> Stuck | None:
    """Why a run cannot be created, or does not start."""
    return at.refused or _stuck(at)


def _ready(at: Situation) -> Finding:
    kind = ConditionType.READY
    if at.ledger_known:
        return Finding(kind, True, "Serving", "the spec is understood, the ledger is known")
    if at.suspended:
        return Finding(kind, False, "Suspended", "set suspend: false to inspect the destination")
    trouble = _not_started(at)
    if trouble is not None:
        return Finding(kind, False, trouble.reason, trouble.message)
    if at.last_run is not None and at.last_run.result != Result.SUCCEEDED.value:
        return Finding(kind, False, at.last_run.reason, at.last_run.message)
    return Finding(kind, False, "Inspecting", "source and destination are being inspected")


def _progressing(at: Situation) -> Finding:
    kind = ConditionType.PROGRESSING
    if not at.active and at.held_until is not None:
        text = f"no run is active, and none starts before {format_seconds(at.held_until)}"
        return Finding(kind, False, "BackOff", f"{text}: {_AT_ONCE}")
    if not at.active:
        return Finding(kind, False, "Idle", "no run is active")
    stuck = _stuck(at)
    if stuck is not None:
        return Finding(kind, False, stuck.reason, stuck.message)
    names = ", ".join(run.name for run in at.active)
    return Finding(kind, True, "Running", f"running: {names}")


def _degraded(at: Situation) -> Finding:
    kind = ConditionType.DEGRADED
    trouble = _not_started(at)
    if trouble is not None:
        return Finding(kind, True, trouble.reason, trouble.message)
    if at.last_run is not None and at.consecutive_failures:
        text = f"{at.consecutive_failures} failed in a row; last: {at.last_run.message}"
        if at.held_until is not None:
            wait = f"; no run starts before {format_seconds(at.held_until)}: {_AT_ONCE}"
            text = text[: MESSAGE_LENGTH - len(wait)] + wait
        return Finding(kind, True, at.last_run.reason, text)
    return Finding(kind, False, "AsExpected", "the last run succeeded, or none has ended yet")


def _coverage_complete(at: Situation) -> Finding:
    kind, coverage = ConditionType.COVERAGE_COMPLETE, at.coverage
    if coverage is None or coverage.from_ is None:
        return Finding(kind, None, "Unknown", "the ledger has not been read yet")
    began = parse_time(coverage.from_)
    if coverage.due_until is None and began < at.now - at.intent.settle_delay:
        return Finding(kind, None, "Unknown", "no run has been asked for yet")
    if coverage.due_until is None or parse_time(coverage.due_until) <= began:
        text = f"the range begins at {coverage.from_}, and nothing of it has come due yet"
        return Finding(kind, False, "RangeNotBegun", text)
    states = {gap.state for gap in coverage.gaps}
    if at.intent.start is not None and at.intent.start < began:
        text = (
            f"asked for from {format_seconds(at.intent.start)} on; the source had forgotten "
            f"everything before {coverage.from_}, where this ledger begins"
        )
        return Finding(kind, False, "StartForgotten", text)
    if coverage.gap_count:
        long = format_duration(coverage.gap_seconds * 1000)
        text = f"{coverage.gap_count} gaps, {long} together, up to {coverage.due_until}"
        if GapState.FAILED in states:
            return Finding(kind, False, "GapsFailed", text)
        if GapState.EXPORTING in states:
            return Finding(kind, False, "Exporting", text)
        return Finding(kind, False, "GapsPending", text)
    if coverage.lost_seconds:
        long = format_duration(coverage.lost_seconds * 1000)
        text = f"the source forgot {long} before it was exported; see status.coverage.gaps"
        return Finding(kind, False, "EventsLost", text)
    if at.intent.end is not None and parse_time(coverage.due_until) < at.intent.end:
        text = f"exported up to {coverage.due_until}; the range ends later"
        return Finding(kind, False, "RangeNotOver", text)
    reach = f"from {coverage.from_} to {coverage.due_until}"
    if at.intent.look_back is not None:
        return Finding(kind, True, "Complete", f"every event that look-backs asked for {reach}")
    return Finding(kind, True, "Complete", f"every event {reach}")


def oldest_missing(coverage: Coverage | None, *, look_back: bool) -> Instant | None:
    """The first instant that is neither exported nor lost, even if it is not due yet.

    What no look-back asked for is not missing.
    """
    if coverage is not None and look_back:
        return parse_time(coverage.asked[0].start) if coverage.asked else None
    if coverage is None or coverage.due_until is None:
        return None
    open_gaps = [gap for gap in coverage.gaps if gap.state is not GapState.LOST]
    return parse_time(open_gaps[0].start if open_gaps else coverage.due_until)


def oldest_missing_of(
    spec: SyncLogExportSpec | None, status: SyncLogExportStatus
) -> Instant | None:
    """The same, as a status tells it; nothing behind the end of a fixed range is missing.

    Args:
        spec: as far as it is understood; None where it is not understood at all.
        status: what is stored.
    """
    look_back = spec is not None and spec.range.last is not None
    oldest = oldest_missing(status.coverage, look_back=look_back)
    end = None
    if spec is not None and spec.range.between is not None:
        with suppress(ValueError):
            end = parse_time(spec.range.between.end)
    return None if oldest is not None and end is not None and oldest >= end else oldest


def _oldest_missing(intent: Intent, coverage: Coverage | None) -> Instant | None:
    oldest = oldest_missing(coverage, look_back=intent.look_back is not None)
    over = oldest is not None and intent.end is not None and oldest >= intent.end
    return None if over else oldest


def at_risk_from(intent: Intent, coverage: Coverage | None) -> Instant | None:
    """When what is missing begins to be at risk of being forgotten by the source."""
    oldest = _oldest_missing(intent, coverage)
    return None if oldest is None else at_risk_after(oldest, intent.retention)


def at_risk_after(oldest: Instant, retention: Span) -> Instant:
    """When an instant that is missing begins to be at risk."""
    return oldest + retention - int(retention * _AT_RISK)


def _retention_at_risk(at: Situation) -> Finding:
    oldest = _oldest_missing(at.intent, at.coverage)
    if oldest is None:
        kind = ConditionType.RETENTION_AT_RISK
        reason = "Unknown" if at.coverage is None else "NothingMissing"
        holds = None if at.coverage is None else False
        return Finding(kind, holds, reason, "nothing is known to be missing")
    trouble = at.consecutive_failures or _not_started(at) is not None
    exported = (
        at.coverage is not None
        and not trouble
        and any(
            gap.state is GapState.EXPORTING and parse_time(gap.start) == oldest
            for gap in at.coverage.gaps
        )
    )
    return headroom(oldest, at.intent.retention, at.now, exported=exported)


def headroom(oldest: Instant, retention: Span, now: Instant, *, exported: bool = False) -> Finding:
    """Whether the source forgets soon what is missing.

    Args:
        oldest: the first instant that is missing.
        retention: how long the source keeps an event.
        now: the time.
        exported: whether a run is at it that has no trouble so far.
    """
    kind = ConditionType.RETENTION_AT_RISK
    forgotten = format_seconds(oldest + retention)
    text = f"the oldest instant that is not exported is forgotten by the source at {forgotten}"
    if now < at_risk_after(oldest, retention):
        return Finding(kind, False, "Headroom", text)
    if exported:
        return Finding(kind, False, "Exporting", f"{text}; a run is at it")
    return Finding(kind, True, "SourceForgetsSoon", text)


def _suspended(at: Situation) -> Finding:
    kind = ConditionType.SUSPENDED
    if at.suspended:
        return Finding(kind, True, "SuspendedByUser", "spec.suspend is true: no new run starts")
    return Finding(kind, False, "NotSuspended", "new runs start when they are due")


def summary(findings: Iterable[Finding], *, active: bool) -> str:
    """All conditions in one word, the most pressing first."""
    by_type = {finding.type: finding for finding in findings}
    ready = by_type[ConditionType.READY]
    if ready.reason == "InvalidSpec":
        return "Invalid"
    if by_type[ConditionType.SUSPENDED].holds:
        return "Suspended"
    if by_type[ConditionType.RETENTION_AT_RISK].holds:
        return "AtRisk"
    if by_type[ConditionType.DEGRADED].holds:
        return "Degraded"
    if active:
        return "Exporting" if ready.holds else "Inspecting"
    complete = by_type[ConditionType.COVERAGE_COMPLETE]
    if complete.holds is None:
        return "Pending"
    words = {
        "Complete": "UpToDate",
        "RangeNotBegun": "NotBegun",
        "EventsLost": "EventsLost",
        "StartForgotten": "EventsLost",
    }
    return words.get(complete.reason, "Behind")


def record(
    status: SyncLogExportStatus, findings: Iterable[Finding], generation: int, now: Instant
) -> list[Condition]:
    """The findings as the status keeps them: the time moves only when the status changes.

    Conditions that nobody speaks of now are kept as they were.
    """
    kept = {condition.type: condition for condition in status.conditions}
    for finding in findings:
        old = kept.get(finding.type.value)
        state = _STATES[finding.holds]
        changed = old is None or old.status is not state
        kept[finding.type.value] = Condition(
            type=finding.type.value,
            status=state,
            reason=shown_reason(finding.reason),
            message=shown_message(finding.message),
            last_transition_time=format_seconds(now)
            if changed or old is None
            else old.last_transition_time,
            observed_generation=generation,
        )
    return list(kept.values())


_STATES = {
    True: ConditionStatus.TRUE,
    False: ConditionStatus.FALSE,
    None: ConditionStatus.UNKNOWN,
}
