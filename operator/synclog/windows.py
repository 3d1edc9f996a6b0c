"""Instants, windows and sets of windows: the vocabulary that planning and exporter share.

An *instant* is a count of milliseconds since the Unix epoch, UTC; the source's clock
ticks in milliseconds, so nothing finer exists. A *window* is half-open, ``[start, end)``.
Nothing here reads a clock.
"""

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Instant: TypeAlias = int
"""Milliseconds since the Unix epoch, UTC."""

Span: TypeAlias = int
"""A length of time in milliseconds."""

SECOND: Span = 1_000
MINUTE: Span = 60 * SECOND
HOUR: Span = 60 * MINUTE
DAY: Span = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)
_UNITS: dict[str, Span] = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)", re.ASCII
)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; what is finer than a millisecond is cut off."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return (moment - _EPOCH) // _MILLISECOND


def to_datetime(instant: Instant) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(milliseconds=instant)


def to_second(instant: Instant) -> Instant:
    """The whole second that an instant is, or the next one."""
    return -(-instant // SECOND) * SECOND


_FIRST = from_datetime(datetime.min.replace(tzinfo=UTC))
_LAST = from_datetime(datetime.max.replace(tzinfo=UTC))


def parse_time(text: str) -> Instant:
    """Read an RFC 3339 time: 0 to 9 fraction digits, ``Z`` or any offset.

    Raises:
        ValueError: the text is no such time, or has no zone.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 2026-01-31T00:00:00Z")
    date, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}{zone.upper()}")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time such as 2026-01-31T00:00:00Z") from error
    instant = from_datetime(moment) + int((fraction or "0")[:3].ljust(3, "0"))
    if not _FIRST <= instant <= _LAST:  # by its offset: year 0, or 10000
        raise ValueError(f"{text!r} is not a time such as 2026-01-31T00:00:00Z")
    return instant


def format_time(instant: Instant) -> str:
    """Write an instant as the source expects it: ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
    return f"{format_seconds(instant)[:-1]}.{instant % 1000:03d}Z"


def format_seconds(instant: Instant) -> str:
    """Write an instant as Kubernetes writes times: whole seconds, ``YYYY-MM-DDTHH:MM:SSZ``."""
    # Not by strftime: it writes the year 900 with three digits.
    return to_datetime(instant).isoformat()[: len("2026-01-31T00:00:00")] + "Z"


def parse_duration(text: str) -> Span:
    """Read a duration: one number and one unit, such as ``15m``, ``24h`` or ``90d``.

    Raises:
        ValueError: the text is no such duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 15m, 24h or 90d")
    return int(match[1]) * _UNITS[match[2]]


def format_duration(span: Span) -> str:
    """Write a length of time with its two largest units, for people: ``3d4h``, ``15m``, ``90s``."""
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, span = divmod(span, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The half-open range of instants ``[start, end)``; never empty."""

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a window must end after it starts: {self}")

    @property
    def length(self) -> Span:
        """How long the window is, in milliseconds."""
        return self.end - self.start

    def __contains__(self, instant: Instant) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: "Window") -> bool:
        """Whether the two share an instant."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"[{format_time(self.start)}, {format_time(self.end)})"


def cut(span: Window, step: Span) -> list[Window]:
    """Cut a span at the multiples of ``step`` since the epoch.

    The pieces are in order, touch each other and are the span together. Piece *i* is the
    window of index *i* of an Indexed Job: planning and exporter both come to it by this.
    """
    if step <= 0:
        raise ValueError("a step must be positive")
    edges = [span.start, *range((span.start // step + 1) * step, span.end, step), span.end]
    return [Window(start, end) for start, end in itertools.pairwise(edges)]


def pieces(span: Window, step: Span) -> int:
    """How many windows `cut` makes, without making them."""
    return (span.end - 1) // step - span.start // step + 1


def piece(span: Window, step: Span, index: int) -> Window:
    """The window of an index, without making the others that `cut` makes."""
    edge = (span.start // step + index) * step
    return Window(max(span.start, edge), min(span.end, edge + step))


class Windows:
    """An immutable set of instants, kept as sorted windows that neither overlap nor touch."""

    __slots__ = ("_starts", "_windows")

    def __init__(self, windows: Iterable[Window] = ()) -> None:
        merged: list[Window] = []
        for window in sorted(windows):
            if merged and window.start <= merged[-1].end:
                if window.end > merged[-1].end:
                    merged[-1] = Window(merged[-1].start, window.end)
            else:
                merged.append(window)
        self._windows = tuple(merged)
        self._starts = [window.start for window in merged]

    def __iter__(self) -> Iterator[Window]:
        return iter(self._windows)

    def __len__(self) -> int:
        return len(self._windows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Windows) and self._windows == other._windows

    def __hash__(self) -> int:
        return hash(self._windows)

    def __repr__(self) -> str:
        return f"Windows({', '.join(map(str, self._windows))})"

    def __or__(self, other: "Windows") -> "Windows":
        return Windows((*self._windows, *other._windows))

    def __sub__(self, other: "Windows") -> "Windows":
        return Windows(piece for window in self for piece in other.gaps(window))

    def __and__(self, other: "Windows") -> "Windows":
        return self - (self - other)

    @property
    def length(self) -> Span:
        """How long all windows are together, in milliseconds."""
        return sum(window.length for window in self._windows)

    def gaps(self, within: Window) -> list[Window]:
        """The parts of ``within`` that are not in the set, in order."""
        found = []
        at = within.start
        first = max(bisect_right(self._starts, at) - 1, 0)
        for window in self._windows[first:]:
            if window.start >= within.end:
                break
            if window.start > at:
                found.append(Window(at, window.start))
            at = max(at, window.end)
        if at < within.end:
            found.append(Window(at, within.end))
        return found

    def covers(self, window: Window) -> bool:
        """Whether every instant of ``window`` is in the set."""
        return not self.gaps(window)

    def overlaps(self, window: Window) -> bool:
        """Whether any instant of ``window`` is in the set."""
        return self.gaps(window) != [window]

    def reach(self, start: Instant) -> Instant:
        """The first instant at or after ``start`` that is not in the set: the watermark."""
        at = bisect_right(self._starts, start) - 1
        return max(start, self._windows[at].end) if at >= 0 else start
