"""Timestamps of records: reading one.

The source writes 0 to 9 fraction digits and ``Z`` or an offset. What is finer than a
millisecond is cut off, as `synclog.windows` does.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from synclog.windows import Instant, from_datetime, parse_time

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?", re.ASCII)
_FINER = re.compile(r"[.,]\d{3}(\d{1,6})", re.ASCII)
_MEMO_LIMIT = 100_000


class NotATimestampError(ValueError):
    """Raised when a text is not a time, or names no zone where none is assumed."""


def finer(text: str) -> str:
    """The digits of a time below the millisecond, without zeros at their end."""
    found = _FINER.search(text)
    return found[1].rstrip("0") if found else ""


@dataclass(slots=True)
class Timestamps:
    """Reads the timestamps of one source.

    Args:
        assumed: the zone of times that name none; without it such times are refused.
    """

    assumed: tzinfo | None = None
    _minutes: dict[bytes, Instant] = field(default_factory=dict)
    _days: dict[bytes, Instant | None] = field(default_factory=dict)

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

    def day(self, text: bytes) -> Instant | None:
        """When the day ``YYYY-MM-DD`` begins in UTC; None where there is no such day."""
        if text not in self._days:
            if len(self._days) > _MEMO_LIMIT:
                self._days.clear()
            try:
                self._days[text] = parse_time(text.decode("ascii") + "T00:00:00Z")
            except ValueError:
                self._days[text] = None
        return self._days[text]
