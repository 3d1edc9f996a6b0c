"""Which request meets which fault: decided purely, from the seed and the request's number."""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from devcluster.code42.behaviour import Faults
from devcluster.code42.events import seeded
from synclog.windows import MINUTE, Instant


class Fault(Enum):
    """What a request meets instead of its answer."""

    RESET = "reset"
    THROTTLED = "throttled"
    ERROR = "error"
    REDIRECT = "redirect"
    LOGIN_PAGE = "login page"
    EMPTY_PAGE = "empty page"
    OTHER_JSON = "other JSON"


_PAGES = {"login": Fault.LOGIN_PAGE, "empty": Fault.EMPTY_PAGE, "json": Fault.OTHER_JSON}


def fault_of(faults: Faults, seed: int, route: str, number: int) -> Fault | None:
    """The fault that the n-th request to a route meets, if any.

    Rates add up: with ``reset_rate`` 0.1 and ``error_rate`` 0.2, three of ten requests fail.
    """
    if faults.redirect_to:
        return Fault.REDIRECT
    if faults.page:
        return _PAGES[faults.page]
    draw = seeded(seed, "fault", route, number).random()
    for rate, fault in (
        (faults.reset_rate, Fault.RESET),
        (faults.throttle_rate, Fault.THROTTLED),
        (faults.error_rate, Fault.ERROR),
    ):
        if draw < rate:
            return fault
        draw -= rate
    return None


@dataclass
class RateLimit:
    """Counts requests over the last minute."""

    _times: deque[Instant] = field(default_factory=deque)

    def wait(self, limit: int | None, now: Instant) -> int:
        """Take one request; 0 if it is within the limit, else the seconds to wait."""
        while self._times and self._times[0] <= now - MINUTE:
            self._times.popleft()
        if limit is not None and len(self._times) >= limit:
            return max(1, math.ceil((self._times[0] + MINUTE - now) / 1000))
        self._times.append(now)
        return 0
