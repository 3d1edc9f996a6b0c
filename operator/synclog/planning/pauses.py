"""How long to wait after failures."""

from synclog.windows import HOUR, SECOND, Span

_FIRST_RETRY: Span = 30 * SECOND
_LAST_RETRY: Span = HOUR


def back_off(failures: int) -> Span:
    """How long to wait after the n-th failure in a row."""
    doublings = min(max(failures - 1, 0), 20)
    return min(_FIRST_RETRY << doublings, _LAST_RETRY)
