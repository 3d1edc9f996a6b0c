"""Many exports of which none is due: how fast they are seen, and what they cost at rest."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import counters, fleet, processes
from .due import Place, put_exports

_NAMESPACE = "scale-idle"
_PATIENCE = 600.0


@dataclass(frozen=True)
class Start:
    """One start of the operator."""

    first: bool
    """Whether no status was written before: each export then costs a write."""
    seconds: float
    """From the start of the process until every export was looked at."""
    cpu: float
    requests: int


@dataclass(frozen=True)
class Rest:
    """The operator while nothing is due."""

    seconds: float
    share: float
    """Of one core."""
    rss: int
    """Resident bytes at the end."""
    peak: int
    """Largest resident size since the process began, in bytes."""
    scrape_seconds: float
    scrape_cpu: float
    scrape_bytes: int


@dataclass(frozen=True)
class Idle:
    """What idling showed."""

    count: int
    starts: tuple[Start, Start]
    rest: Rest


async def measure(place: Place, count: int, seconds: float) -> Idle:
    """Put exports, start the operator twice, and let it rest.

    Args:
        place: where.
        count: number of exports.
        seconds: how long to look at the operator at rest.
    """
    far = (datetime.now(UTC) + timedelta(hours=12)).replace(second=0, microsecond=0)
    await fleet.make_namespace(place.client, _NAMESPACE)
    await put_exports(place.client, _NAMESPACE, count, far)
    log = place.folder / "operator-idle.log"
    async with processes.operator(place.kubeconfig, log) as operator:
        first = await _started(operator, count, first=True)
    async with processes.operator(place.kubeconfig, log) as operator:
        again = await _started(operator, count, first=False)
        rest = await _rest(operator, seconds)
    return Idle(count, (first, again), rest)


async def _started(operator: processes.Operator, count: int, *, first: bool) -> Start:
    """Wait until every export was looked at. Asked for by CPU time: a scrape costs some itself."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        calm = await processes.quiet(operator.pid, patience=_PATIENCE)
        cpu = processes.cpu_seconds(operator.pid)
        text = await operator.metrics()
        looks = counters.total(text, "synclog_operator_reconcile_duration_seconds_count")
        waiting = counters.total(text, "synclog_operator_queue_depth")
        if looks >= count and not waiting:
            requests = counters.operator_requests(text)
            return Start(first, calm - operator.started, cpu, sum(requests.values()))
    raise TimeoutError(f"the operator has not looked at all {count} exports")


async def _rest(operator: processes.Operator, seconds: float) -> Rest:
    await processes.quiet(operator.pid, patience=_PATIENCE)
    async with processes.Usage.of(operator.pid) as usage:
        await asyncio.sleep(seconds)
    resident = processes.rss(operator.pid)
    async with processes.Usage.of(operator.pid) as scrape:
        text = await operator.metrics()
    return Rest(
        seconds=usage.seconds,
        share=usage.cpu / usage.seconds,
        rss=resident,
        peak=processes.peak(operator.pid),
        scrape_seconds=scrape.seconds,
        scrape_cpu=scrape.cpu,
        scrape_bytes=len(text.encode()),
    )
