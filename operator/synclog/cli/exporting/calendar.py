"""A calendar of coverage: a line a month, a character a day."""

from calendar import monthrange
from collections.abc import Iterator

from synclog.exporter.ledger.coverage import Coverage
from synclog.windows import DAY, Instant, Window, Windows, from_datetime, to_datetime

COMPLETE, PARTLY, MISSING, LOST, OUTSIDE = "█", "▒", "·", "x", " "
LEGEND = f"{COMPLETE} exported   {PARTLY} partly   {MISSING} missing   {LOST} lost   (days in UTC)"


def calendar(coverage: Coverage) -> Iterator[str]:
    """The lines of a calendar from the start to the end of coverage."""
    if coverage.start >= coverage.end:
        return
    yield "         " + "".join(f"{day:<5}" for day in range(1, 32, 5)).rstrip()
    month = to_datetime(coverage.start).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        first = from_datetime(month)
        after = first + monthrange(month.year, month.month)[1] * DAY
        days = range(first, after, DAY)
        yield f"{month:%Y-%m}  " + "".join(_day(coverage, day) for day in days).rstrip()
        if after >= coverage.end:  # behind December 9999 there is no month
            return
        month = to_datetime(after)


def _day(coverage: Coverage, start: Instant) -> str:
    """One day, judged by the part of it that is within coverage."""
    begin, end = max(start, coverage.start), min(start + DAY, coverage.end)
    if begin >= end:
        return OUTSIDE
    day = Window(begin, end)
    if coverage.exported.covers(day):
        return COMPLETE
    if coverage.exported.overlaps(day):
        return PARTLY
    return LOST if (coverage.lost & Windows([day])).length else MISSING
