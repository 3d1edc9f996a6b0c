"""Rounds of rechecks, by name: how planning asks for them, and the ledger remembers them.

A name is a duration, such as ``24h``: a window had the round when it was read so long after its
end. Or it is the time up to which a look-back reached, such as ``2026-01-05T11:45:00Z``: a window
had the round when it was read after that. Each look-back asks for everything anew, so of the
rounds by time only the newest means anything.
"""

from collections.abc import Iterable

from synclog.windows import Instant, Window, format_seconds, parse_duration, parse_time


def by_time(until: Instant) -> str:
    """The name of the round of a look-back that reaches up to an instant, a whole second."""
    return format_seconds(until)


def is_by_time(name: str) -> bool:
    """Whether a round is that of a look-back."""
    return "T" in name


def counts_from(name: str, window: Window) -> Instant:
    """From when on a reading of a window counts for a round.

    Raises:
        ValueError: the name is neither a duration nor a time.
    """
    return parse_time(name) if is_by_time(name) else window.end + parse_duration(name)


def current(names: Iterable[str]) -> list[str]:
    """The rounds that still mean something, in the given order."""
    given = list(names)
    newest = max((name for name in given if is_by_time(name)), key=parse_time, default="")
    return [name for name in given if not is_by_time(name) or name == newest]
