"""What a request to the Sync Log asks for, and which rows answer it."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devcluster.code42.behaviour import COLUMNS, Behaviour
from devcluster.code42.bulk import BulkWindow
from devcluster.code42.events import Event
from devcluster.code42.world import World
from synclog.windows import Instant, Window, parse_time

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

_KEYS: dict[str, Callable[[Event], str | int]] = {
    "logEventTimeStamp": lambda event: event.instant,
    "providerName": lambda event: event.provider_name,
    "username": lambda event: event.username,
    "action": lambda event: event.action,
    "field": lambda event: event.field or "",
    "oldValue": lambda event: event.old_value or "",
    "newValue": lambda event: event.new_value or "",
}


class BadQueryError(ValueError):
    """A query parameter has a value that the source does not take; it answers 400."""


@dataclass(frozen=True, slots=True)
class Query:
    """The range and the order that are asked for, as asked: bounds are not yet applied."""

    after: Instant | None = None
    before: Instant | None = None
    sort: str | None = None
    descending: bool = False

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "Query":
        """Read the query parameters.

        Raises:
            BadQueryError: a value is malformed, or the range ends before it starts.
        """
        after, before = (
            _time(parameters, name) for name in ("eventOccurredAfter", "eventOccurredBefore")
        )
        if after is not None and before is not None and after > before:
            raise BadQueryError("eventOccurredAfter must not be later than eventOccurredBefore")
        sort = parameters.get("sortColumn")
        if sort is not None and sort not in COLUMNS:
            raise BadQueryError(f"sortColumn must be one of {', '.join(sorted(COLUMNS))}")
        direction = parameters.get("sortDirection", "asc")
        if direction not in ("asc", "desc"):
            raise BadQueryError("sortDirection must be asc or desc")
        return cls(after, before, sort, direction == "desc")

    def window(self, behaviour: Behaviour, now: Instant) -> Window | None:
        """The instants that the source takes for the range; None where it holds none."""
        oldest = now - behaviour.visibility.retention_ms
        after = oldest if self.after is None else self.after
        before = now if self.before is None else self.before
        start = after if behaviour.bounds.after_inclusive else after + 1
        end = before + 1 if behaviour.bounds.before_inclusive else before
        return Window(start, end) if start < end else None


def rows(
    world: World, behaviour: Behaviour, query: Query, now: Instant, shuffle: int
) -> list[Event]:
    """The rows of an answer, in its order, before any cap and paging.

    Args:
        world: what exists.
        behaviour: how the source behaves at this request.
        query: what is asked for.
        now: the source's now.
        shuffle: a number that differs from request to request, for orders that do.
    """
    window = query.window(behaviour, now)
    if window is None:
        return []
    events = world.readable(window, now)
    order = behaviour.order
    if query.sort is None and order.default == "shuffled":
        events = sorted(events, key=_by_content)
        random.Random(world.seed).shuffle(events)
        return events
    column = query.sort or "logEventTimeStamp"
    descending = query.descending if query.sort else order.default == "descending"
    if order.unstable_ties:
        events = events.copy()
        random.Random(shuffle).shuffle(events)
    elif column == "logEventTimeStamp" and not descending:
        return events  # as they come: sorting all rows for every page would be most of its cost
    return sorted(events, key=_KEYS[column], reverse=descending)


def bulk(world: World, behaviour: Behaviour, query: Query, now: Instant) -> BulkWindow | None:
    """The same rows where they are ready blocks; None where they must be looked up."""
    window = query.window(behaviour, now)
    by_time = query.sort in (None, "logEventTimeStamp") and not query.descending
    return world.bulk(window, now) if window is not None and by_time else None


def _by_content(event: Event) -> tuple[str | int, ...]:
    return tuple(key(event) for key in _KEYS.values())


def _time(parameters: Mapping[str, str], name: str) -> Instant | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not _TIME.fullmatch(text):
        raise BadQueryError(f"{name} must match yyyy-MM-dd'T'HH:mm:ss.SSSZ")
    try:
        return parse_time(text)
    except ValueError as error:
        raise BadQueryError(f"{name} is no time") from error
