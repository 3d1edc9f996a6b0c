"""What exists at the simulated source, and what of it can be read at a moment.

The drawn events are a pure function of the seed. What a test or a hostile behaviour adds or
takes away on top of them is the only state.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from devcluster.code42.behaviour import Behaviour
from devcluster.code42.bulk import BulkWindow
from devcluster.code42.events import Drawn, Event, drawn, seeded, username
from synclog.windows import Instant, Window

_by_time = attrgetter("instant")


class Added(NamedTuple):
    """An event on top of the drawn ones, and since when it can be read."""

    event: Event
    visible_at: Instant


@dataclass
class World:
    """The tenant: drawn events, added ones, and ones that are gone.

    Safe to use from several threads: what changes is replaced whole, under a lock.
    """

    seed: int
    behaviour: Behaviour = field(default_factory=Behaviour)
    added: tuple[Added, ...] = ()
    gone: Counter[Event] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def existing(self, window: Window) -> list[Event]:
        """All events that ever belong to the window, visible or not, in order of time."""
        events = self._drawn(window).events
        late = [added.event for added in self.added if added.event.instant in window]
        return sorted(events + late, key=_by_time) if late else events

    def readable(self, window: Window, now: Instant) -> list[Event]:
        """The events of the window that the source shows at ``now``, in order of time."""
        clipped = self._clipped(window, now)
        if clipped is None:
            return []
        late = [
            added.event
            for added in self.added
            if added.event.instant in clipped and added.visible_at <= now
        ]
        events = self._visible(clipped, now)
        if late:
            events = sorted(events + late, key=_by_time)
        return _without(events, self.gone) if self.gone else events

    def _drawn(self, window: Window) -> Drawn:
        behaviour = self.behaviour
        if behaviour.population.bulk_bytes_per_day:
            events = list(BulkWindow(self.seed, behaviour, window).events())
            return Drawn([event.instant for event in events], events, [0.0] * len(events))
        return drawn(self.seed, behaviour.population, behaviour.tick, window)

    def bulk(self, window: Window, now: Instant) -> BulkWindow | None:
        """The readable events of a bulk tenant's window; None where they are not all ready."""
        if not self.behaviour.population.bulk_bytes_per_day or self.added or self.gone:
            return None
        clipped = self._clipped(window, now)
        return None if clipped is None else BulkWindow(self.seed, self.behaviour, clipped)

    def _clipped(self, window: Window, now: Instant) -> Window | None:
        """What of a window lies between the retention's edge and now."""
        start = max(window.start, now - self.behaviour.visibility.retention_ms)
        end = min(window.end, now + 1)
        return Window(start, end) if start < end else None

    def _visible(self, window: Window, now: Instant) -> list[Event]:
        """Of the drawn events, those whose lag is over."""
        instants, events, draws = self._drawn(window)
        behaviour = self.behaviour
        visibility = behaviour.visibility
        longest = max(visibility.lag_ms, visibility.late_ms if visibility.late_share else 0)
        settled = bisect_left(instants, now - longest)
        young = [
            event
            for event, draw in zip(events[settled:], draws[settled:], strict=True)
            if event.instant + _lag(behaviour, draw) <= now
        ]
        return events[:settled] + young

    def add(self, events: Iterable[Event], visible_at: Instant) -> None:
        """Add events that can be read from ``visible_at`` on."""
        tick = self.behaviour.tick
        new = [
            Added(event._replace(instant=event.instant // tick * tick), visible_at)
            for event in events
        ]
        with self._lock:
            self.added = (*self.added, *new)

    def add_random(self, window: Window, count: int, visible_at: Instant) -> list[Event]:
        """Add ``count`` events at random times of the window; the events are returned."""
        rng = seeded(self.seed, "late", window.start, count, len(self.added))
        events = [
            Event(
                rng.randrange(window.start, window.end),
                "Late Directory",
                username(rng.randrange(self.behaviour.population.users)),
                "USER_UPDATED",
                "title",
                "",
                f"late, {number}",
            )
            for number in range(count)
        ]
        self.add(events, visible_at)
        return events

    def remove(self, events: Iterable[Event]) -> None:
        """Make events unreadable for ever; that they existed remains true."""
        with self._lock:
            self.gone = self.gone + Counter(events)


def _lag(behaviour: Behaviour, draw: float) -> int:
    """How long after its time an event becomes visible, in milliseconds."""
    visibility = behaviour.visibility
    if draw < visibility.late_share:
        return visibility.late_ms
    return int(draw * visibility.lag_ms)


def _without(events: list[Event], gone: Counter[Event]) -> list[Event]:
    left = gone.copy()
    kept = []
    for event in events:
        if left[event] > 0:
            left[event] -= 1
        else:
            kept.append(event)
    return kept
