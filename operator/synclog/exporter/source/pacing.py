"""When to ask: the limit of requests a minute, and how long to wait before asking again."""

import random
from collections import deque
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock

from synclog.exporter.errors import Interrupted, SourceError
from synclog.exporter.source.clock import Clock, StopSignal
from synclog.windows import Instant, from_datetime

ATTEMPTS = 6
"""How often one request is tried."""
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_ASKED_WAIT = 300.0
_MINUTE = 60.0


def pause(stop: StopSignal, seconds: float) -> None:
    """Wait, unless told to stop.

    Raises:
        Interrupted: told to stop.
    """
    if stop.is_set() or (seconds > 0 and stop.wait(seconds)):
        raise Interrupted("Interrupted", "told to stop while waiting for the source")


class Pace:
    """Lets at most so many requests begin within any minute. Safe for threads.

    Args:
        per_minute: the limit; None for no limit.
        clock: where the time comes from.
        stop: ends the waiting.
    """

    def __init__(self, per_minute: int | None, clock: Clock, stop: StopSignal) -> None:
        self._limit = per_minute
        self._clock = clock
        self._stop = stop
        self._begun: deque[float] = deque(maxlen=per_minute)
        self._lock = Lock()

    def wait(self) -> None:
        """Return when the next request may begin.

        Raises:
            Interrupted: told to stop while waiting.
        """
        if self._limit is None:
            pause(self._stop, 0)
            return
        with self._lock:
            now = self._clock.monotonic()
            full = len(self._begun) == self._limit
            begin = max(now, self._begun[0] + _MINUTE) if full else now
            self._begun.append(begin)  # the place is taken before the waiting is over
        pause(self._stop, begin - now)


def backoff(attempt: int, asked: float | None, chance: random.Random) -> float:
    """Seconds to wait before trying again.

    Args:
        attempt: how many tries have failed, from 1.
        asked: what the source asked for in ``Retry-After``, in seconds; None if nothing.
        chance: spreads clients that failed together.

    Raises:
        SourceError: the source asks for more patience than one process should have.
    """
    grown = min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_WAIT)
    spread = grown * (0.5 + 0.5 * chance.random())
    if asked is None:
        return spread
    if asked > _LONGEST_ASKED_WAIT:
        raise SourceError(
            "RateLimited", f"the source asks to wait {asked:.0f} seconds; trying again later"
        )
    return asked + spread


def retry_after(value: str | None, now: Instant) -> float | None:
    """Read a ``Retry-After`` header: seconds, or a date. None where there is none.

    Args:
        value: the header.
        now: the time on the clock that wrote it.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isdigit() and value.isascii():
        return float(value[:9])
    moment = http_date(value)
    return None if moment is None else max((moment - now) / 1000, 0.0)


def http_date(value: str | None) -> Instant | None:
    """Read an HTTP date; None where it is none."""
    if value is None:
        return None
    try:
        moment: datetime = parsedate_to_datetime(value)
        return from_datetime(moment)
    except (ValueError, TypeError, OverflowError):
        return None
