"""What the user wants, with texts turned into numbers."""

from dataclasses import dataclass

from synclog.api.range import Between, Last, Rolling
from synclog.api.spec import SyncLogExportSpec
from synclog.planning.errors import SpecError
from synclog.planning.schedule import Schedule, parse_schedule
from synclog.windows import DAY, MINUTE, SECOND, Instant, Span, parse_duration, parse_time

_LONGEST: Span = 3650 * DAY
LATEST = parse_time("2200-01-01T00:00:00Z")
"""What is later is a mistake, and sums with it are no times any more."""
_SHORTEST_DEADLINE: Span = 10 * SECOND
_MOST_WINDOWS_OF_A_LOOK = 400
"""Windows of a look-back: one run reads all of them, so no part of it has to wait for another."""


@dataclass(frozen=True, slots=True)
class Intent:
    """The part of a spec that planning works with. Times are instants, lengths milliseconds."""

    schedule: Schedule | None
    start: Instant | None
    """The first instant of coverage; None for the oldest that the source has."""
    end: Instant | None
    """The end of coverage; None for a range that rolls on."""
    look_back: Span | None
    """How far every run looks back; None for a range of which everything is asked for."""
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

    def first(self, at: Instant) -> Instant:
        """Where coverage starts, or a look-back, at an instant; 0: the oldest that is there."""
        if self.look_back is not None:
            return (at - self.look_back) // SECOND * SECOND
        return self.start or 0

    @property
    def over_at(self) -> Instant | None:
        """When a fixed range is over and everything of it is due."""
        return None if self.end is None else self.end + self.settle_delay


def read_intent(spec: SyncLogExportSpec, namespace: str, name: str) -> Intent:
    """Turn the texts of a spec into numbers.

    Raises:
        SpecError: the spec says something that nobody can do.
    """
    kind = spec.range.kind
    if kind is None:
        raise SpecError("range: set exactly one of rolling, between and last")
    try:
        start, end = _bounds(kind)
        intent = Intent(
            schedule=None
            if spec.schedule is None
            else parse_schedule(spec.schedule, spec.time_zone, f"{namespace}/{name}"),
            start=start,
            end=end,
            look_back=parse_duration(kind.duration) if isinstance(kind, Last) else None,
            settle_delay=parse_duration(kind.settle_delay),
            step=parse_duration(kind.max_window),
            retention=parse_duration(spec.source.retention),
            rounds=()
            if isinstance(kind, Last)
            else tuple((text, parse_duration(text)) for text in kind.recheck_after),
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
    _check_bounds(intent)
    return intent


def _check_bounds(intent: Intent) -> None:
    """Refuse what can be read and not be done.

    Raises:
        SpecError: the sentence says what to write instead.
    """
    lengths = (intent.step, intent.settle_delay, intent.retention, intent.pending_timeout)
    if max(lengths) > _LONGEST:
        raise SpecError("a duration is longer than 3650d: write a shorter one")
    if max(intent.start or 0, intent.end or 0) > LATEST:
        raise SpecError("range: a time is later than the year 2200: write an earlier one")
    if intent.step < MINUTE:
        raise SpecError("range: maxWindow must be at least 1m, write 24h")
    if intent.starting_deadline is not None and intent.starting_deadline < _SHORTEST_DEADLINE:
        raise SpecError("startingDeadline must be at least 10s: a tick needs time to start")
    if intent.settle_delay >= intent.retention:
        raise SpecError("range: settleDelay must be shorter than source.retention")
    if any(age >= intent.retention for _, age in intent.rounds):
        raise SpecError("range: every recheckAfter must be shorter than source.retention")
    if intent.look_back is not None:
        _check_look_back(intent, intent.look_back)


def _check_look_back(intent: Intent, look_back: Span) -> None:
    if look_back >= intent.retention:
        raise SpecError(
            "range.last: duration must be shorter than source.retention; for everything that the "
            "source has, write rolling: {}"
        )
    if look_back <= intent.settle_delay:
        raise SpecError("range.last: duration must be longer than settleDelay: nothing is left")
    if look_back > _MOST_WINDOWS_OF_A_LOOK * intent.step:
        raise SpecError(
            f"range.last: duration is more than {_MOST_WINDOWS_OF_A_LOOK} times maxWindow: write "
            "a longer maxWindow"
        )


def _bounds(kind: Rolling | Between | Last) -> tuple[Instant | None, Instant | None]:
    match kind:
        case Rolling(from_=None):
            return None, None
        case Rolling(from_=str(start)):
            return parse_time(start), None
        case Between():
            return parse_time(kind.start), parse_time(kind.end)
        case Last():
            return None, None
    raise TypeError(kind)
