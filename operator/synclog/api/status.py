"""What the operator reports: the status of a SyncLogExport, as typed models."""

from enum import Enum
from typing import Annotated

from msgspec import Meta, field

from synclog.api.fields import Model, Time

REASON_LENGTH = 128
MESSAGE_LENGTH = 1024
"""Characters of a message that are written. The schema takes more, for what older ones wrote."""

JobName = Annotated[str, Meta(max_length=253)]
"""Ours have at most 63 characters. A Job that somebody copied may have as many as any object."""
Reason = Annotated[str, Meta(max_length=REASON_LENGTH, description="Why, in one CamelCase word.")]
Message = Annotated[str, Meta(max_length=2048, description="Why, in a sentence.")]


def shown_reason(text: str) -> str:
    """A reason that came from elsewhere, as a status may have it: never empty, never too long."""
    return text.strip()[:REASON_LENGTH] or "Unknown"


def shown_message(text: str) -> str:
    """A message that came from elsewhere, as a status may have it."""
    return text[:MESSAGE_LENGTH]


class ConditionType(Enum):
    """The conditions of a SyncLogExport."""

    READY = "Ready"
    """The spec is understood and its schedule is served."""
    PROGRESSING = "Progressing"
    """A run is active."""
    DEGRADED = "Degraded"
    """The last run failed, or something needs a person."""
    COVERAGE_COMPLETE = "CoverageComplete"
    """Every instant that was due is exported."""
    RETENTION_AT_RISK = "RetentionAtRisk"
    """The source will soon forget what is not exported yet."""
    SUSPENDED = "Suspended"
    """No new run starts."""


class ConditionStatus(Enum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model, frozen=True, kw_only=True):
    """One observation, as Kubernetes writes it."""

    type: Annotated[str, Meta(max_length=64, description="What is observed.")]
    status: Annotated[ConditionStatus, Meta(description="Whether it holds.")]
    reason: Reason
    message: Message = ""
    last_transition_time: Annotated[
        Time, Meta(description="When the status of the condition last changed.")
    ]
    observed_generation: Annotated[
        int, Meta(description="Generation of the spec that was looked at.")
    ] = 0


class GapState(Enum):
    """What is known of a range that is not exported."""

    PENDING = "pending"
    EXPORTING = "exporting"
    FAILED = "failed"
    LOST = "lost"


class Interval(Model, frozen=True, kw_only=True):
    """A half-open range of time."""

    start: Annotated[Time, Meta(description="First instant.")]
    end: Annotated[Time, Meta(description="End; not in the range itself.")]


class Gap(Model, frozen=True, kw_only=True):
    """A range that was due and is not exported."""

    start: Annotated[Time, Meta(description="First instant.")]
    end: Annotated[Time, Meta(description="End; not in the range itself.")]
    state: Annotated[
        GapState,
        Meta(
            description="pending: waits for a run; exporting: a run is at it; failed: the last "
            "run failed; lost: the source forgot it before it was exported."
        ),
    ]
    attempts: Annotated[int, Meta(description="Runs that were at it and did not export it.")] = 0
    last_attempt: Annotated[Time | None, Meta(description="When the last of them ended.")] = None


class RecheckRound(Model, frozen=True, kw_only=True):
    """What was read again in one round."""

    after: Annotated[
        str,
        Meta(
            max_length=32,
            description="How long after the end of a window; for a look-back: where it ended.",
        ),
    ]
    intervals: Annotated[
        list[Interval], Meta(max_length=64, description="Rechecked ranges, merged.")
    ] = field(default_factory=list)


class Coverage(Model, frozen=True, kw_only=True):
    """What is exported and what is missing."""

    from_: Annotated[Time | None, Meta(description="Where coverage starts.")] = field(
        default=None, name="from"
    )
    due_until: Annotated[
        Time | None,
        Meta(
            description="Everything from `from` to here that is asked for has come due: exported, "
            "or a gap."
        ),
    ] = None
    asked: Annotated[
        list[Interval],
        Meta(
            max_length=256,
            description="With range.last: what look-backs asked for and is not exported yet.",
        ),
    ] = field(default_factory=list)
    intervals: Annotated[
        list[Interval], Meta(max_length=256, description="Exported ranges, merged.")
    ] = field(default_factory=list)
    gaps: Annotated[
        list[Gap], Meta(max_length=256, description="Ranges that were due and are missing.")
    ] = field(default_factory=list)
    rechecked: Annotated[
        list[RecheckRound], Meta(max_length=8, description="What was read again, by round.")
    ] = field(default_factory=list)
    gap_count: Annotated[int, Meta(description="Gaps that are not lost.")] = 0
    gap_seconds: Annotated[int, Meta(description="Length of these gaps together.")] = 0
    lost_seconds: Annotated[
        int, Meta(description="Length of what the source forgot before it was exported.")
    ] = 0


class Ledger(Model, frozen=True, kw_only=True):
    """Where the ledger in the destination stands."""

    id: Annotated[str, Meta(max_length=64, description="Id of the ledger.")]
    head: Annotated[int, Meta(description="Number of its newest entry.")]
    digest: Annotated[str, Meta(max_length=64, description="SHA-256 of its newest entry.")]


class HeldBack(Model, frozen=True, kw_only=True):
    """Why runs wait: the last one failed in a way that the next would, too."""

    reason: Reason
    failures: Annotated[int, Meta(description="Runs that failed like this, one after the other.")]
    since: Annotated[Time, Meta(description="When the last of them ended.")]
    until: Annotated[
        Time,
        Meta(
            description="No run starts before. An edit of the spec, or a new trigger, starts one "
            "at once."
        ),
    ]
    generation: Annotated[int, Meta(description="Generation of the spec that they failed with.")]


class LastRun(Model, frozen=True, kw_only=True):
    """The run that ended last."""

    job: Annotated[JobName, Meta(description="Name of its Job.")]
    scheduled_time: Annotated[Time | None, Meta(description="The tick that it answered.")] = None
    start: Annotated[Time | None, Meta(description="When its Job was created.")] = None
    end: Annotated[Time | None, Meta(description="When it ended.")] = None
    duration: Annotated[str, Meta(max_length=32, description="How long it took.")] = ""
    result: Annotated[str, Meta(max_length=32, description="Succeeded, Failed or Abandoned.")]
    reason: Reason
    message: Message = ""
    window: Annotated[Interval | None, Meta(description="The range that it was for.")] = None
    events: Annotated[int, Meta(description="Events that it exported.")] = 0
    bytes: Annotated[int, Meta(description="Bytes of records, uncompressed.")] = 0
    parts: Annotated[int, Meta(description="Files that it wrote.")] = 0
    late_events: Annotated[int, Meta(description="Events found late by rechecks.")] = 0


class StatusTotals(Model, frozen=True, kw_only=True):
    """Running totals, as the ledger has them, and runs counted by result."""

    windows: Annotated[int, Meta(description="Windows exported.")] = 0
    events: Annotated[int, Meta(description="Events exported.")] = 0
    bytes: Annotated[int, Meta(description="Bytes of records, uncompressed.")] = 0
    stored_bytes: Annotated[int, Meta(description="Bytes of files as stored.")] = 0
    parts: Annotated[int, Meta(description="Files written.")] = 0
    late_events: Annotated[int, Meta(description="Events found late by rechecks.")] = 0
    runs: Annotated[
        dict[str, int],
        Meta(max_length=64, description="Runs that ended, by result and reason: Failed/Timeout."),
    ] = field(default_factory=dict)


class SyncLogExportStatus(Model, frozen=True, kw_only=True):
    """What the operator knows of a SyncLogExport. The ledger is the truth; this is its cache."""

    observed_generation: Annotated[
        int | None, Meta(description="Generation of the spec that this status speaks of.")
    ] = None
    conditions: Annotated[
        list[Condition],
        Meta(
            max_length=16,
            description="What holds now.",
            extra_json_schema={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = field(default_factory=list)
    summary: Annotated[
        str, Meta(max_length=64, description="The conditions in one word, for kubectl get.")
    ] = ""
    effective_schedule: Annotated[
        Annotated[str, Meta(max_length=512)] | None,
        Meta(description="The schedule with macros and H replaced."),
    ] = None
    schedule_since: Annotated[
        Time | None,
        Meta(description="Since when this schedule is served; older ticks are not its own."),
    ] = None
    next_schedule_times: Annotated[
        list[Time], Meta(max_length=5, description="The next ticks.")
    ] = field(default_factory=list)
    next: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="The next tick, for kubectl get."),
    ] = None
    last_schedule_time: Annotated[
        Time | None, Meta(description="The newest tick that was accounted for.")
    ] = None
    last_successful_time: Annotated[Time | None, Meta(description="When a run last succeeded.")] = (
        None
    )
    covered_until: Annotated[
        Time | None, Meta(description="Everything from coverage.from to here is accounted for.")
    ] = None
    coverage: Annotated[Coverage | None, Meta(description="What is exported.")] = None
    ledger: Annotated[Ledger | None, Meta(description="Where the ledger stands.")] = None
    destination: Annotated[
        Annotated[str, Meta(max_length=1024)] | None,
        Meta(description="The destination in one string."),
    ] = None
    active: Annotated[
        list[JobName],
        Meta(max_length=16, description="Names of the running Jobs."),
    ] = field(default_factory=list)
    active_count: Annotated[int, Meta(description="Number of running Jobs.")] = 0
    last_run: Annotated[LastRun | None, Meta(description="The run that ended last.")] = None
    consecutive_failures: Annotated[
        int, Meta(description="Runs that failed since the last success.")
    ] = 0
    held_back: Annotated[
        HeldBack | None,
        Meta(
            description="Set after a run that failed by configuration or authorisation, until one "
            "succeeds."
        ),
    ] = None
    skipped: Annotated[
        dict[str, int], Meta(max_length=16, description="Skipped ticks by reason.")
    ] = field(default_factory=dict)
    totals: Annotated[StatusTotals | None, Meta(description="Running totals.")] = None
    last_trigger: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="The trigger that was answered last."),
    ] = None
    accounted_jobs: Annotated[
        list[Annotated[str, Meta(max_length=63)]],
        Meta(max_length=256, description="Finished Jobs that are counted in totals already."),
    ] = field(default_factory=list)
