"""What planning is given, and what it decides: plain values, no clock, no I/O."""

from dataclasses import dataclass, field
from enum import Enum

from synclog.api.run import LedgerHead, Purpose, RunResult, Slot
from synclog.api.spec import SyncLogExportSpec
from synclog.api.status import SyncLogExportStatus
from synclog.windows import Instant, Span, Window


class RunState(Enum):
    """Where a run stands, as its Job tells it."""

    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DELETING = "deleting"
    """Its Job is being deleted: neither adopted nor replaced until it is gone."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why a run makes no progress: nothing that waiting is known to heal."""

    reason: str
    """CamelCase: Unschedulable, ImagePull, MissingSecret, UnboundVolume, Quota, Admission, …"""
    message: str
    since: Instant


@dataclass(frozen=True, slots=True)
class Run:
    """One Job of an export, as far as planning must know it."""

    name: str
    uid: str
    purpose: Purpose
    attempt: int
    generation: int
    state: RunState
    created: Instant
    slot: Slot = Slot.MAIN
    span: Window | None = None
    """The range that the run is for; None for an inspect run."""
    step: Span = 0
    """The windows of the run are ``cut(span, step)``."""
    recheck: str = ""
    """The round of a recheck."""
    scheduled: Instant | None = None
    """The tick that the run answers."""
    trigger: str | None = None
    """The trigger token that the run answers."""
    finished: Instant | None = None
    reason: str = ""
    """Why the Job failed, as Kubernetes says: BackoffLimitExceeded, PodFailurePolicy, …"""
    message: str = ""
    results: tuple[RunResult, ...] = ()
    """What its pods reported, newest last; a retried window has several."""
    stuck: Stuck | None = None
    """Why its pods do not start, where they do not."""
    failing_since: Instant | None = None
    """Since when the Job has had ``FailureTarget`` without ``Failed``."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a decision about one SyncLogExport may depend on."""

    namespace: str
    name: str
    uid: str
    generation: int
    created: Instant
    spec: SyncLogExportSpec
    status: SyncLogExportStatus
    runs: tuple[Run, ...] = ()
    refused: Stuck | None = None
    """Why the API server refused the last attempt to create a Job, where it did."""
    was_refused: bool = False
    """Whether it did so at the look before, even if it takes Jobs again by now."""


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Create a Job. ``key`` and ``attempt`` name it: equal decisions make equal names."""

    purpose: Purpose
    slot: Slot
    attempt: int
    coverage_start: Instant
    ledger: LedgerHead | None = None
    span: Window | None = None
    step: Span = 0
    recheck: str = ""
    """The round of a recheck."""
    rounds: tuple[str, ...] = ()
    """All rounds: a window that is read late enough for one needs it no more."""
    scheduled: Instant | None = None
    trigger: str | None = None

    @property
    def key(self) -> str:
        """The part of the Job's name that says what the run is for, besides the attempt."""
        start = self.span.start if self.span else 0
        return f"{self.purpose.value[0]}{start:x}"


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete a Job with its pods."""

    name: str
    uid: str
    why: str


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event to record on the SyncLogExport."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, what to report, and when to look again."""

    status: SyncLogExportStatus
    actions: tuple[CreateRun | DeleteRun, ...] = ()
    events: tuple[Event, ...] = ()
    wakeup: Instant | None = field(default=None)
    """When to plan again even if nothing is heard; None: only when something is heard."""
