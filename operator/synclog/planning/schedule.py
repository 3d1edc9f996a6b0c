"""When an export is due: cron in a zone, with a stable spread. Ticks are UTC instants."""

import functools
import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from synclog.planning.errors import SpecError
from synclog.windows import DAY, MINUTE, SECOND, Instant, Span, from_datetime, to_datetime

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
# The values that H may take. Days end at 28, so that every month has the day.
_SPREAD = {
    "minute": range(60),
    "hour": range(24),
    "day of month": range(1, 29),
    "month": range(1, 13),
    "day of week": range(7),
}
_HASHED = re.compile(r"H(?:\((\d+)-(\d+)\))?(?:/(\d+))?", re.ASCII)
_LONE_H = re.compile(r"(?<![A-Za-z])H(?![A-Za-z])")
"""An H that is no letter of a name: MON-THU has one too."""
_EXAMPLE = "write five fields such as '30 2 * * *', or @hourly, @daily, @weekly or @monthly"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression without macros and H, and the zone that it is read in.

    A local time that a change of clocks skips is due right after the change; one that a
    change repeats is due once.
    """

    cron: str
    zone: ZoneInfo

    @property
    def effective(self) -> str:
        """The expression as people read it; the zone is named unless it is UTC."""
        return self.cron if self.zone.key == "UTC" else f"{self.cron} {self.zone.key}"

    def after(self, instant: Instant) -> Iterator[Instant]:
        """The ticks after an instant, in order, without end."""
        for tick in CronSim(self.cron, to_datetime(instant).astimezone(self.zone)):
            # Asked in an hour that is repeated, cronsim begins with its first pass: the past.
            if (found := from_datetime(tick)) > instant:
                yield found

    def due(self, after: Instant, until: Instant) -> Iterator[Instant]:
        """The ticks in ``(after, until]``, in order. A long absence costs milliseconds."""
        if until - after > DAY:
            return self._day_by_day(after, until)
        return itertools.takewhile(lambda tick: tick <= until, self.after(after))

    def _day_by_day(self, after: Instant, until: Instant) -> Iterator[Instant]:
        """The same, with one question to cronsim for each day on which no clock changes."""
        ticks = self.after(after)
        while (tick := next(ticks, until + 1)) <= until:
            yield tick  # it may be of the day before, and late because a change skipped its time
            midnight = self._midnight(tick)
            if midnight is not None:
                times = (midnight + time for time in _times(self.cron))
                yield from (time for time in times if tick < time <= until)
                ticks = self.after(midnight + DAY - SECOND)

    def _midnight(self, tick: Instant) -> Instant | None:
        """When the local day of a tick began; None for a day on which a clock changes."""
        local = to_datetime(tick).astimezone(self.zone)
        start = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        midnight = from_datetime(start)
        # The sum is one of local times: a day later by the clock on the wall.
        ordinary = from_datetime(start + timedelta(days=1)) - midnight == DAY
        return midnight if ordinary else None


@functools.lru_cache(maxsize=1_024)
def _times(cron: str) -> tuple[Span, ...]:
    """The times of a day that is due at all, since midnight."""
    fields = CronSim(cron, to_datetime(0))
    return tuple(
        (hour * 60 + minute) * MINUTE
        for hour in sorted(fields.hours)
        for minute in sorted(fields.minutes)
    )


@functools.lru_cache(maxsize=16_384)  # every look at an export reads its schedule
def parse_schedule(text: str, zone: str, spread_by: str) -> Schedule:
    """Read a schedule.

    Args:
        text: five cron fields, each of which may use ``H``, or a macro.
        zone: an IANA zone name.
        spread_by: what H is derived from, such as ``namespace/name``.

    Raises:
        SpecError: the zone is unknown, or the text is no schedule or one that is never due.
    """
    fields = _MACROS.get(text.strip(), text).split()
    if len(fields) != len(_SPREAD):
        raise SpecError(f"spec.schedule: {text!r} is not understood: {_EXAMPLE}")
    cron = " ".join(
        _spread(field, name, values, spread_by)
        for field, (name, values) in zip(fields, _SPREAD.items(), strict=True)
    )
    schedule = Schedule(cron, _zone(zone))
    try:
        next(schedule.after(0))
    except CronSimError as error:
        problem = str(error).lower() or "it cannot be read"
        raise SpecError(
            f"spec.schedule: {text!r} is not understood: {problem}; {_EXAMPLE}"
        ) from error
    except StopIteration:
        raise SpecError(f"spec.schedule: {text!r} is never due: no such day exists") from None
    return schedule


def parse_effective(text: str | None) -> Schedule | None:
    """Read `Schedule.effective` again; None where it is none."""
    fields = (text or "").split()
    zone = fields.pop() if len(fields) > len(_SPREAD) else "UTC"
    try:
        return parse_schedule(" ".join(fields), zone, "")
    except SpecError:
        return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SpecError(
            f"spec.timeZone: {name!r} is unknown: write an IANA name such as UTC or Europe/Berlin"
        ) from error


def _spread(field: str, name: str, values: range, spread_by: str) -> str:
    """Replace H in one field by a value that is stable for ``spread_by``."""
    digest = hashlib.sha256(f"{spread_by}\0{name}".encode()).digest()
    draw = int.from_bytes(digest[:8], "big")

    def replace(item: str) -> str:
        if _LONE_H.search(item) is None:
            return item
        match = _HASHED.fullmatch(item)
        if match is None:
            raise SpecError(
                f"spec.schedule: {name} {item!r} is not understood: write H, H/15, H(0-29) or "
                "H(0-29)/5"
            )
        low = int(match[1] or values[0])
        high = int(match[2] or values[-1])
        if not values[0] <= low <= high <= values[-1]:
            raise SpecError(
                f"spec.schedule: {name} {item!r} must stay within {values[0]} and {values[-1]}"
            )
        if match[3] is None:
            return str(low + draw % (high - low + 1))
        step = int(match[3])
        if not 0 < step <= high - low + 1:
            raise SpecError(
                f"spec.schedule: {name} {item!r}: the step must be from 1 to {high - low + 1}"
            )
        return f"{low + draw % step}-{high}/{step}"

    return ",".join(replace(item) for item in field.split(","))
