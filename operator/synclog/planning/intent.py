"""What the user wants, with texts turned into numbers."""

from dataclasses import dataclass

from synclog.api.range import Between, Last, Rolling
from synclog.api.spec import SyncLogExportSpec
from synclog.planning.errors import SpecError
from synclog.planning.schedule import Schedule, parse_schedule
from synclog.windows import (
    DAY,
    MINUTE,
    SECOND,
    Instant,
    Span,
    format_duration,
    parse_duration,
    parse_time,
)

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
        SpecError: the spec says something that nobody can do. The sentence names the field, what
            it says, and what to write instead.
    """
    kind = spec.range.kind
    if kind is None:
        raise SpecError("spec.range: set exactly one of rolling, between and last")
    path = f"spec.range.{type(kind).__name__.lower()}"
    start, end = _bounds(kind, path)
    _length("spec.runTimeout", spec.run_timeout, "1h")
    intent = Intent(
        schedule=None
        if spec.schedule is None
        else parse_schedule(spec.schedule, spec.time_zone, f"{namespace}/{name}"),
        start=start,
        end=end,
        look_back=_length(f"{path}.duration", kind.duration, "7d")
        if isinstance(kind, Last)
        else None,
        settle_delay=_length(f"{path}.settleDelay", kind.settle_delay, "15m"),
        step=_length(f"{path}.maxWindow", kind.max_window, "24h"),
        retention=_length("spec.source.retention", spec.source.retention, "90d"),
        rounds=()
        if isinstance(kind, Last)
        else tuple(
            (text, _length(f"{path}.recheckAfter[{index}]", text, "24h"))
            for index, text in enumerate(kind.recheck_after)
        ),
        starting_deadline=None
        if spec.starting_deadline is None
        else _length("spec.startingDeadline", spec.starting_deadline, "10m"),
        pending_timeout=_length("spec.pendingTimeout", spec.pending_timeout, "10m"),
    )
    _check_bounds(intent, path)
    return intent


def _length(path: str, text: str, example: str) -> Span:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise SpecError(
            f"{path}: {text!r} is not a duration: write a whole number and one unit, such as "
            f"{example}"
        ) from error
    if length > _LONGEST:
        most = format_duration(_LONGEST)
        raise SpecError(f"{path}: {text} is longer than {most}: write a shorter one, or {example}")
    return length


def _time(path: str, text: str) -> Instant:
    try:
        instant = parse_time(text)
    except ValueError as error:
        raise SpecError(
            f"{path}: {text!r} is not a time: write one with its zone, such as 2026-01-31T00:00:00Z"
        ) from error
    if instant > LATEST:
        raise SpecError(f"{path}: {text} is later than the year 2200: write an earlier time")
    return instant


def _check_bounds(intent: Intent, path: str) -> None:
    """Refuse what can be read and not be done.

    Raises:
        SpecError: the sentence says what to write instead.
    """
    kept = format_duration(intent.retention)
    if intent.step < MINUTE:
        seen = format_duration(intent.step)
        raise SpecError(f"{path}.maxWindow: {seen} is too short: write at least 1m, or 24h")
    deadline = intent.starting_deadline
    if deadline is not None and deadline < _SHORTEST_DEADLINE:
        raise SpecError(
            f"spec.startingDeadline: {format_duration(deadline)} is too short, a tick needs time "
            "to start: write at least 10s, or 10m"
        )
    if intent.settle_delay >= intent.retention:
        raise SpecError(
            f"{path}.settleDelay: {format_duration(intent.settle_delay)} is not shorter than "
            f"spec.source.retention, {kept}: the source would forget everything; write 15m"
        )
    for index, (text, age) in enumerate(intent.rounds):
        if age >= intent.retention:
            raise SpecError(
                f"{path}.recheckAfter[{index}]: {text} is not shorter than spec.source.retention, "
                f"{kept}: the source would have nothing to compare with; write 7d"
            )
    if intent.look_back is not None:
        _check_look_back(intent, intent.look_back, f"{path}.duration")


def _check_look_back(intent: Intent, look_back: Span, path: str) -> None:
    seen = f"{path}: {format_duration(look_back)}"
    if look_back >= intent.retention:
        raise SpecError(
            f"{seen} is not shorter than spec.source.retention, {format_duration(intent.retention)}"
            "; for everything that the source has, write rolling: {}"
        )
    if look_back <= intent.settle_delay:
        raise SpecError(
            f"{seen} is not longer than settleDelay, {format_duration(intent.settle_delay)}: "
            "nothing is left; write 7d"
        )
    if look_back > _MOST_WINDOWS_OF_A_LOOK * intent.step:
        raise SpecError(
            f"{seen} is more than {_MOST_WINDOWS_OF_A_LOOK} times maxWindow, "
            f"{format_duration(intent.step)}: write a longer maxWindow"
        )


def _bounds(kind: Rolling | Between | Last, path: str) -> tuple[Instant | None, Instant | None]:
    match kind:
        case Rolling(from_=str(text)):
            return _time(f"{path}.from", text), None
        case Between():
            start, end = _time(f"{path}.start", kind.start), _time(f"{path}.end", kind.end)
            if start >= end:
                raise SpecError(
                    f"{path}: start, {kind.start}, must be before end, {kind.end}: swap them or "
                    "move the end"
                )
            return start, end
    return None, None
