"""Timestamps of records: reading one, and comparing a thousand of one shape at once.

The source writes 0 to 9 fraction digits and ``Z`` or an offset. What is finer than a
millisecond is cut off, as `synclog.windows` does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from synclog.windows import Instant, Window, from_datetime, parse_time, to_datetime

_SHAPED = re.compile(rb"0000-00-00[Tt ]00:00:00(?:\.(0{1,9}))?(Z|[+-]00:?00)")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?", re.ASCII)
_SHAPE = bytes.maketrans(b"123456789", b"000000000")
_ZERO_TO_FIVE = b"012345"
_MEMO_LIMIT = 100_000


class NotATimestampError(ValueError):
    """Raised when a text is not a time, or names no zone where none is assumed."""


@dataclass(slots=True)
class Timestamps:
    """Reads the timestamps of one source.

    Args:
        assumed: the zone of times that name none; without it such times are refused.
    """

    assumed: tzinfo | None = None
    _minutes: dict[bytes, Instant] = field(default_factory=dict)
    _hours: set[bytes] = field(default_factory=set)

    def parse(self, text: bytes) -> Instant:
        """Read one timestamp.

        Raises:
            NotATimestampError: the text is no time, or has no zone and none is assumed.
        """
        # Records come in runs of the same minute: only its first one is read by the book.
        if len(text) == 24 and text[23:] == b"Z" and text[19:20] == b"." and text[16:17] == b":":
            base = self._minutes.get(text[:16])
            if base is not None:
                seconds, fraction = text[17:19], text[20:23]
                if seconds.isdigit() and fraction.isdigit() and seconds < b"60":
                    return base + int(seconds) * 1000 + int(fraction)
            elif len(self._minutes) < _MEMO_LIMIT:
                instant = self._by_the_book(text)
                self._minutes[text[:16]] = instant - instant % 60_000
                return instant
        return self._by_the_book(text)

    def _by_the_book(self, raw: bytes) -> Instant:
        try:
            text = raw.decode("ascii").strip(" ")
        except UnicodeDecodeError as error:
            raise NotATimestampError(f"{raw[:40]!r} is not a time") from error
        if _LOCAL.fullmatch(text):
            if self.assumed is None:
                raise NotATimestampError(
                    f"{text!r} names no time zone; if you know the zone of the source's times, "
                    "set source.assumeTimeZone"
                )
            return self._assume(text, self.assumed)
        try:
            return parse_time(text)
        except ValueError as error:
            raise NotATimestampError(f"{text[:40]!r} is not a time") from error

    @staticmethod
    def _assume(text: str, zone: tzinfo) -> Instant:
        whole, _, fraction = text.replace(",", ".").replace("t", "T").partition(".")
        try:
            moment = datetime.fromisoformat(whole).replace(tzinfo=zone)
        except ValueError as error:
            raise NotATimestampError(f"{text!r} is not a time") from error
        return from_datetime(moment) + int(fraction[:3].ljust(3, "0"))

    def are_hours(self, texts: set[bytes]) -> bool:
        """Whether each text is the ``YYYY-MM-DDTHH`` of an hour that exists."""
        new = texts - self._hours
        try:
            for text in new:
                parse_time(text.decode("ascii") + ":00:00Z")
        except ValueError:
            return False
        if len(self._hours) > _MEMO_LIMIT:
            self._hours.clear()
        self._hours |= new
        return True


@dataclass(frozen=True, slots=True)
class Run:
    """Timestamps of one shape and one zone: their order as text is their order in time."""

    low: bytes
    """The earliest of them."""
    high: bytes
    """The latest of them."""
    fraction: int
    zone: bytes
    separator: str

    def bound(self, instant: Instant) -> bytes:
        """The text below which all texts are earlier than the instant, and from which on none."""
        offset = timedelta()
        if self.zone != b"Z":
            sign = -1 if self.zone[:1] == b"-" else 1
            offset = sign * timedelta(hours=int(self.zone[1:3]), minutes=int(self.zone[-2:]))
        unit = 10 ** max(3 - self.fraction, 0)
        rounded = -(-instant // unit) * unit
        text = (to_datetime(rounded) + offset).strftime(f"%Y-%m-%d{self.separator}%H:%M:%S")
        if self.fraction:
            text += "." + f"{rounded % 1000:03d}".ljust(9, "0")[: self.fraction]
        return text.encode("ascii") + self.zone

    def bounds(self, window: Window) -> tuple[bytes, bytes]:
        """The texts between which, the first included, a timestamp is in the window."""
        return self.bound(window.start), self.bound(window.end)


def as_run(texts: Sequence[bytes], timestamps: Timestamps) -> Run | None:
    """See whether all texts are timestamps of one shape and zone; None where they are not.

    Every character of every text is checked, by a few operations on all of them together.
    """
    if not texts:
        return None
    shape = texts[0].translate(_SHAPE)
    match = _SHAPED.fullmatch(shape)
    if match is None:
        return None
    joined = b",".join(texts) + b","
    stride = len(shape) + 1
    if joined.translate(_SHAPE) != (shape + b",") * len(texts):
        return None
    zone = texts[0][match.start(2) :]
    if zone != b"Z" and joined.count(zone + b",") != len(texts):
        return None
    if joined[14::stride].translate(None, _ZERO_TO_FIVE):
        return None  # tens of minutes
    if joined[17::stride].translate(None, _ZERO_TO_FIVE):
        return None  # tens of seconds: a leap second is left to the careful way
    try:
        timestamps.parse(texts[0])  # the zone, which all share
    except NotATimestampError:
        return None
    low, high = min(texts), max(texts)
    hours = {low[:13]} if low[:13] == high[:13] else {text[:13] for text in texts}
    if not timestamps.are_hours(hours):
        return None
    fraction = len(match[1] or b"")
    return Run(low, high, fraction, zone, shape[10:11].decode("ascii"))
