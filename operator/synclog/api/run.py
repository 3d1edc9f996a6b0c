"""The contract between the operator and the exporter: what a pod is told, how it answers.

The Job carries a `RunSpec` as JSON in the environment variable ``SYNCLOG_RUN_SPEC``; the same
JSON in a file serves ``synclog-export run --spec FILE`` on a laptop. The pod answers with a
`RunResult` as its termination message (JSON, under 4 KiB) and with an `ExitCode`.
"""

from enum import Enum, IntEnum
from typing import Annotated

from msgspec import Meta, field

from synclog.api.destination import Destination
from synclog.api.fields import Model
from synclog.api.output import Output
from synclog.api.source import Source

ENV_RUN_SPEC = "SYNCLOG_RUN_SPEC"
ENV_TERMINATION_LOG = "SYNCLOG_TERMINATION_LOG"
ENV_DESTINATION_DIR = "SYNCLOG_DESTINATION_DIR"
ENV_SPOOL_DIR = "SYNCLOG_SPOOL_DIR"
ENV_AUTH_DIR = "SYNCLOG_AUTH_DIR"
"""A folder with one file for each key of the Secret that `Source.auth` names."""
ENV_CA_FILE = "SYNCLOG_CA_FILE"
ENV_DESTINATION_AUTH_DIR = "SYNCLOG_DESTINATION_AUTH_DIR"
"""A folder with one file for each key of the Secret that the destination's credentials name."""
ENV_DESTINATION_CA_FILE = "SYNCLOG_DESTINATION_CA_FILE"
ENV_JOB_INDEX = "JOB_COMPLETION_INDEX"
ENV_LOG_FORMAT = "SYNCLOG_LOG_FORMAT"

TERMINATION_MESSAGE_LIMIT = 4096
"""Bytes that Kubernetes keeps of a container's termination message."""


class Purpose(Enum):
    """What a run is for."""

    INSPECT = "inspect"
    """Probe the destination, create the ledger's identity where there is none, tell its head."""
    WINDOW = "window"
    """Export the windows of a span."""
    RECHECK = "recheck"
    """Read exported windows again, and add the events that the source shows by now."""


class Slot(Enum):
    """Which of the two places for runs of one export a run takes."""

    MAIN = "main"
    """What came due since the run before."""
    RETRY = "retry"
    """An older gap. In a place of its own, so that a poisoned window blocks nothing."""
    RECHECK = "recheck"
    """Windows that are exported and read again."""


class ExitCode(IntEnum):
    """How the exporter ends. The Job's podFailurePolicy tells them apart."""

    OK = 0
    UNEXPECTED = 1
    """An error that nobody foresaw: a bug. Retried."""
    USAGE = 2
    """The command line is wrong. Not retried."""
    CONFIGURATION = 10
    """The spec or a mounted Secret is wrong or missing. Not retried."""
    AUTHORISATION = 11
    """The source or the destination refuses the credentials. Not retried."""
    SOURCE = 12
    """The source failed, or its answer could not be proven complete. Retried."""
    DESTINATION = 13
    """The destination failed. Retried."""
    INTEGRITY = 14
    """The ledger or the source contradicts itself. Not retried: a person must look."""
    NOT_SETTLED = 15
    """The window is too young to be exported. Retried."""
    INTERRUPTED = 16
    """The exporter was told to stop and stopped cleanly; nothing is half done. Retried."""


NOT_RETRIED_JOB = (ExitCode.USAGE, ExitCode.CONFIGURATION, ExitCode.AUTHORISATION)
"""Exit codes that fail the whole Job: every window would meet the same."""
NOT_RETRIED_INDEX = (ExitCode.INTEGRITY,)
"""Exit codes that fail one window for good."""


class WindowText(Model, frozen=True, kw_only=True):
    """A half-open window, times as text (RFC 3339, UTC, milliseconds)."""

    start: str
    end: str


class SpanText(Model, frozen=True, kw_only=True):
    """The windows of a run: ``[start, end)`` cut at the multiples of ``step_ms``.

    `synclog.windows.cut` makes the windows; index i of the Job is the i-th of them.
    """

    start: str
    end: str
    step_ms: int


class Owner(Model, frozen=True, kw_only=True):
    """The SyncLogExport that a ledger belongs to."""

    namespace: str
    name: str
    uid: str = ""


Count = Annotated[int, Meta(ge=0, le=1 << 53)]
"""A number that stays a number: in JSON, in a status, and where a run adds up its windows'."""


class LedgerHead(Model, frozen=True, kw_only=True):
    """Where a ledger stands."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    """The ledger's id, given with its entry 0."""
    head: Count
    """Number of the newest entry."""
    digest: Annotated[str, Meta(min_length=1, max_length=64)]
    """SHA-256 of the newest entry's bytes, in hex."""


class RunSpec(Model, frozen=True, kw_only=True):
    """What one Job is told. It holds no secret: credentials are mounted files."""

    purpose: Purpose
    owner: Owner
    source: Source
    destination: Destination
    output: Output
    coverage_start: str
    """Where coverage shall start if the ledger does not exist yet; else the ledger's pin wins."""
    settle_delay: str = "15m"
    span: SpanText | None = None
    """The windows; absent for an inspect run."""
    ledger: LedgerHead | None = None
    """The head that the operator knows; a shorter or another ledger is an integrity failure."""
    recheck: str = ""
    """For a recheck: the name of its round; see `synclog.api.rounds`. The ledger remembers for each
    round which windows had it."""
    rounds: list[str] = field(default_factory=list)
    """The rounds of rechecks. A window that is exported when it is old enough for a round needs it
    no more: it was read late enough."""
    adopt: bool = False
    """True takes over a ledger that has another owner; otherwise such a ledger is refused."""


class Totals(Model, frozen=True, kw_only=True):
    """Running totals of a ledger, read from its head, never from adding messages."""

    windows: Count = 0
    events: Count = 0
    bytes: Count = 0
    """Bytes of records, uncompressed."""
    stored_bytes: Count = 0
    """Bytes of parts as stored."""
    parts: Count = 0
    late_events: Count = 0


class LedgerCoverage(Model, frozen=True, kw_only=True):
    """Coverage as the head of a ledger tells it."""

    from_: str = field(name="from")
    """The pinned start."""
    intervals: list[WindowText] = field(default_factory=list)
    """Covered intervals, merged, newest dropped first where the message would be too long."""
    lost: list[WindowText] = field(default_factory=list)
    """Intervals that the source forgot before they were exported."""
    rechecked: dict[str, list[WindowText]] = field(default_factory=dict)
    """Intervals that were rechecked, merged, by round (see `RunSpec.recheck`)."""
    truncated: bool = False
    """True where one of these lists is not the whole list."""


class RunResult(Model, frozen=True, kw_only=True):
    """What one pod reports."""

    outcome: Annotated[str, Meta(description="Succeeded or Failed")]
    reason: str
    """CamelCase, one word a kind of ending, such as Exported, AlreadyCovered, TokenRefused."""
    message: str = ""
    """A sentence for a person."""
    exit_code: int = 0
    purpose: Purpose = Purpose.WINDOW
    window: WindowText | None = None
    events: Count = 0
    bytes: Count = 0
    stored_bytes: Count = 0
    parts: Count = 0
    late_events: Count = 0
    requests: Count = 0
    started: str = ""
    finished: str = ""
    version: str = ""
    ledger: LedgerHead | None = None
    coverage: LedgerCoverage | None = None
    totals: Totals | None = None


SUCCEEDED = "Succeeded"
FAILED = "Failed"


class RunIdentity(Model, frozen=True, kw_only=True):
    """What a Job is, written on it as an annotation when it is created."""

    purpose: Purpose
    slot: Slot = Slot.MAIN
    attempt: int
    generation: int
    span: SpanText | None = None
    recheck: str = ""
    """The round of a recheck."""
    scheduled: str = ""
    """The tick that the run answers; empty for a run by trigger, once, or retry."""
    trigger: str = ""
    """The trigger token that the run answers."""
