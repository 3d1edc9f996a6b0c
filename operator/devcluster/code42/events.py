"""The events of the simulated source: a pure function of (seed, population, time).

Nothing is stored. Time is cut into hours, and each hour's events follow from the seed and the
hour's number alone, so a window costs what it holds, wherever it lies. Hours used lately are
kept in memory.
"""

import random
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from devcluster.code42 import values
from devcluster.code42.behaviour import Population
from synclog.windows import DAY, HOUR, Instant, Window

_CACHED_EVENTS = 2_000_000


class Event(NamedTuple):
    """One record of the Sync Log. Errors of a sync have no field, old or new value."""

    instant: Instant
    provider_name: str
    username: str
    action: str
    field: str | None = None
    old_value: str | None = None
    new_value: str | None = None


class Drawn(NamedTuple):
    """A run of events in order of time, with a number in [0, 1) drawn for each.

    The draw decides how late the event becomes visible; it is no part of the event.
    """

    instants: list[Instant]
    events: list[Event]
    draws: list[float]


def seeded(*parts: int | str) -> random.Random:
    """A generator that follows from the parts alone, in every process and on every machine."""
    digest = blake2b(repr(parts).encode(), digest_size=16).digest()
    return random.Random(int.from_bytes(digest))


def drawn(seed: int, population: Population, tick: int, window: Window) -> Drawn:
    """The events in ``[start, end)`` in order of time.

    Args:
        seed: which tenant.
        population: how many events there are, and of which kind.
        tick: milliseconds of one tick of the source's clock; instants are multiples of it.
        window: what is asked for.
    """
    found = Drawn([], [], [])
    for hour in range(window.start // HOUR, -(-window.end // HOUR)):
        instants, events, draws = _cached_hour(seed, population, tick, hour)
        first, last = bisect_left(instants, window.start), bisect_left(instants, window.end)
        found.instants.extend(instants[first:last])
        found.events.extend(events[first:last])
        found.draws.extend(draws[first:last])
    return found


_cache: OrderedDict[tuple[int, Population, int, int], Drawn] = OrderedDict()
_cache_lock = threading.Lock()
_cached_events = 0


def _cached_hour(seed: int, population: Population, tick: int, hour: int) -> Drawn:
    """One hour's events; hours used lately are kept, up to a number of events in all."""
    global _cached_events  # noqa: PLW0603 - the count belongs to the cache beside it
    key = (seed, population, tick, hour)
    with _cache_lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
        made = _cache[key] = _hour(*key)
        _cached_events += len(made.events)
        while _cached_events > _CACHED_EVENTS and len(_cache) > 1:
            _, dropped = _cache.popitem(last=False)
            _cached_events -= len(dropped.events)
        return made


def _hour(seed: int, population: Population, tick: int, hour: int) -> Drawn:
    rng = seeded(seed, "hour", hour)
    events: list[Event] = []
    rows = _rows_of_hour(rng, population, hour)
    while len(events) < rows:
        instant = hour * HOUR + int(rng.random() * HOUR)
        events.extend(one_update(rng, population, instant, rows - len(events)))
    if population.burst_rows and hour % population.burst_every_hours == 0:
        events.extend(_burst(rng, population, hour * HOUR + int(rng.random() * HOUR)))
    if tick > 1:
        events = [event._replace(instant=event.instant // tick * tick) for event in events]
    events.sort(key=lambda event: event.instant)
    return Drawn([event.instant for event in events], events, [rng.random() for _ in events])


def _rows_of_hour(rng: random.Random, population: Population, hour: int) -> int:
    """Rows of one hour: offices are busy by day and quiet at night; the mean is kept."""
    busy = 1.6 if 7 <= hour % 24 < 19 else 0.4
    share = population.events_per_day * HOUR / DAY * busy
    return int(share + rng.random())


def one_update(
    rng: random.Random, population: Population, instant: Instant, room: int
) -> Iterator[Event]:
    """One update of one user by a provider: some rows with one timestamp, or one error."""
    provider = _pick(rng, values.PROVIDERS)
    user = username(int(rng.random() ** 2 * population.users))
    if rng.random() < population.error_share:
        yield Event(instant, provider, user, values.ERROR_ACTION)
        return
    action = values.ACTIONS[int(rng.random() ** 3 * len(values.ACTIONS))]
    for _ in range(min(room, 1 + int(rng.random() ** 2 * 6))):
        event = Event(
            instant,
            provider,
            user,
            action,
            _pick(rng, values.FIELDS),
            _value(rng, population),
            _value(rng, population),
        )
        yield event
        if rng.random() < population.identical_share:
            yield event


def _burst(rng: random.Random, population: Population, instant: Instant) -> Iterator[Event]:
    """Many users changed in one millisecond, as a directory's bulk import does it."""
    provider = _pick(rng, values.PROVIDERS)
    for row in range(population.burst_rows):
        yield Event(
            instant,
            provider,
            username(row),
            "USER_UPDATED",
            "department",
            _value(rng, population),
            "Reorganised",
        )


def _value(rng: random.Random, population: Population) -> str:
    words = values.AWKWARD if rng.random() < population.awkward_share else values.PLAIN
    return _pick(rng, words)


@lru_cache(maxsize=100_000)
def username(number: int) -> str:
    """The name of the n-th user of the tenant."""
    given = values.GIVEN[number % len(values.GIVEN)]
    family = values.FAMILY[number // len(values.GIVEN) % len(values.FAMILY)]
    return f"{given}.{family}{number}@example.com"


def _pick(rng: random.Random, words: tuple[str, ...]) -> str:
    return words[int(rng.random() * len(words))]
