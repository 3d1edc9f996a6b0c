"""Waiting until a window is old enough."""

from collections.abc import Iterable

from synclog.api.rounds import counts_from
from synclog.exporter.errors import NotSettledError
from synclog.exporter.pipeline.site import Site
from synclog.windows import SECOND, Span, Window, format_duration


def rounds_had(window: Window, rounds: Iterable[str], site: Site) -> list[str]:
    """The rounds of rechecks for which a window that is read from now on is old enough."""
    clock = site.reader.server_time()
    now = min(clock.server, clock.local)
    return [name for name in dict.fromkeys(rounds) if counts_from(name, window) <= now]


def settle(window: Window, delay: Span, site: Site) -> None:
    """Wait a little for a window that is nearly old enough, by the earlier of the two clocks.

    Raises:
        NotSettledError: it is too young to wait for.
        Interrupted: the process was told to stop.
    """
    patience = site.settle_patience * SECOND
    while True:
        site.check()
        clock = site.reader.server_time()
        short = window.end + delay - min(clock.server, clock.local)
        if short <= 0:
            return
        if short > patience:
            raise NotSettledError(
                "NotSettled",
                f"{window} is read when its end is {format_duration(delay)} old, in "
                f"{format_duration(short)}",
            )
        patience -= short
        site.stop.wait(short / SECOND)
