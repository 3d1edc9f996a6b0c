"""The cluster's time, as the API server tells it with every answer.

Ticks, ages and deadlines are compared with times that the API server wrote. By its clock they are
right whatever the clock of the operator's own node says, and the same for every replica. Between
two answers the monotonic clock goes on, so a node's clock that is set moves nothing.
"""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import lru_cache

from synclog.windows import SECOND, Instant, Span, from_datetime


def monotonic() -> Span:
    """Milliseconds of a clock that is never set; its beginning means nothing."""
    return time.monotonic_ns() // 1_000_000


def wall_clock() -> Instant:
    """This machine's time, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class ClusterClock:
    """Tells the API server's time to about a second; this machine's until there is an answer.

    Args:
        local: this machine's time, asked once.
        ticking: a clock that is never set.
    """

    def __init__(
        self, local: Callable[[], Instant] = wall_clock, ticking: Callable[[], Span] = monotonic
    ) -> None:
        self._ticking = ticking
        self._ahead = local() - ticking()

    def now(self) -> Instant:
        """The time, in milliseconds since the epoch."""
        return self._ticking() + self._ahead

    def ticks(self) -> Span:
        """The clock that is never set, for `heard`."""
        return self._ticking()

    def heard(self, date: str | None, asked: Span, answered: Span) -> None:
        """Learn from an answer; one that agrees changes nothing.

        Args:
            date: its ``Date`` header, which has whole seconds.
            asked: `ticks` before the request was sent.
            answered: `ticks` after the answer came.
        """
        told = _parsed(date) if date else None
        if told is not None:
            # The header was written some time in between, at any moment of its second.
            self._ahead = min(max(self._ahead, told - answered), told + SECOND - asked)


@lru_cache(maxsize=4)
def _parsed(date: str) -> Instant | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return from_datetime(moment) if moment.tzinfo else None
