"""What the user wants, with texts turned into numbers."""

from dataclasses import dataclass

from synclog.api.spec import Between, Rolling, SyncLogExportSpec
from synclog.planning.errors import SpecError
from synclog.planning.schedule import Schedule, parse_schedule
from synclog.windows import MINUTE, SECOND, Instant, Span, parse_duration, parse_time

HEAD_START: Span = 15 * MINUTE
"""Without a start of its own, coverage begins this much after the oldest that the source has:
by the time that the first pod asks, the very oldest would be forgotten, and so be lost."""


@dataclass(frozen=True, slots=True)
class Intent:
    """The part of a spec that planning works with. Times are instants, lengths milliseconds."""

    schedule: Schedule | None
    start: Instant | None
    """The first instant of coverage; None for the oldest that the source has."""
    end: Instant | None
    """The end of coverage; None for a range that rolls on."""
    settle_delay: Span
    step: Span
    retention: Span
    rounds: tuple[tuple[str, Span], ...]
    """Rechecks: the name of each round, and how long after its end a window is read again."""
    starting_deadline: Span | None
    pending_timeout: Span

    def settled(self, at: Instant) -> Instant:
        """Up to where everything is due for a run that is asked for at an instant.

        A whole second: windows with odd milliseconds are hard to read and to compare.
        """
        end = (at - self.settle_delay) // SECOND * SECOND
        return end if self.end is None else min(end, self.end)

    def first_instant(self, now: Instant) -> Instant:
        """Where coverage starts, when that is decided now: a whole minute."""
        if self.start is not None:
            return self.start
        return -(-(now - self.retention + HEAD_START) // MINUTE) * MINUTE


def read_intent(spec: SyncLogExportSpec, namespace: str, name: str) -> Intent:
    """Turn the texts of a spec into numbers.

    Raises:
        SpecError: the spec says something that nobody can do.
    """
    kind = _kind(spec)
    try:
        start, end = _bounds(kind)
        intent = Intent(
            schedule=None
            if spec.schedule is None
            else parse_schedule(spec.schedule, spec.time_zone, f"{namespace}/{name}"),
            start=start,
            end=end,
            settle_delay=parse_duration(kind.settle_delay),
            step=parse_duration(kind.max_window),
            retention=parse_duration(spec.source.retention),
            rounds=tuple((text, parse_duration(text)) for text in kind.recheck_after),
            starting_deadline=None
            if spec.starting_deadline is None
            else parse_duration(spec.starting_deadline),
            pending_timeout=parse_duration(spec.pending_timeout),
        )
    except SpecError:
        raise
    except ValueError as error:
        raise SpecError(str(error)) from error
    if start is not None and end is not None and start >= end:
        raise SpecError("range.between: start must be before end")
    if intent.step <= 0:
        raise SpecError("range: maxWindow must be longer than 0, write 24h")
    if intent.settle_delay >= intent.retention:
        raise SpecError("range: settleDelay must be shorter than source.retention")
    if any(age >= intent.retention for _, age in intent.rounds):
        raise SpecError("range: every recheckAfter must be shorter than source.retention")
    return intent


def _bounds(kind: Rolling | Between) -> tuple[Instant | None, Instant | None]:
    match kind:
        case Rolling(from_=None):
            return None, None
        case Rolling(from_=str(start)):
            return parse_time(start), None
        case Between():
            return parse_time(kind.start), parse_time(kind.end)
    raise TypeError(kind)


def _kind(spec: SyncLogExportSpec) -> Rolling | Between:
    if spec.range.rolling is not None:
        return spec.range.rolling
    if spec.range.between is not None:
        return spec.range.between
    raise SpecError("range: set exactly one of rolling and between")
