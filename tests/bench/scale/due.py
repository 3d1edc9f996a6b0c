"""One turn: N objects that are due in the same minute, and the controller that answers them."""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devcluster.client import CLAIMS, JOBS, Client, Object, Resource
from devcluster.install import EXPORTS

from . import counters, fleet, objects, processes

OPERATOR, CRON_JOB_CONTROLLER = "operator", "cronjobs"
_COUNTED = frozenset({"jobs", "cronjobs", "synclogexports", "events", "persistentvolumeclaims"})
_PATIENCE = 600.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where the benchmark runs."""

    client: Client
    folder: Path
    kubeconfig: Path
    """The operator's own."""
    manager: int
    """Process id of the kube-controller-manager."""

    async def requests(self) -> counters.Requests:
        """What the API server has answered so far."""
        text = (await self.client.read("/metrics")).decode()
        return counters.server_requests(text, _COUNTED)


@dataclass
class Turn:
    """What one turn showed. Times are seconds after the tick."""

    who: str
    count: int
    created: list[float] = field(default_factory=list)
    """When each Job existed, in order."""
    accounted: list[float] = field(default_factory=list)
    """When each object's status named the tick, in order."""
    requests: counters.Requests = field(default_factory=counters.Requests)
    """Answered by the API server, whoever asked, until all was accounted for."""
    own_requests: counters.Requests | None = None
    """The operator's own, by its metrics."""
    cpu: float = 0.0
    """CPU seconds of the controller's process, over the same time."""
    peak: int = 0
    """Its largest resident size, in bytes."""

    @property
    def asked(self) -> int:
        """Requests without what only the Job controller does: the Jobs' status."""
        return sum(count for what, count in self.requests.items() if "jobs/status" not in what)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that a share of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def take(place: Place, who: str, count: int, lead: float) -> Turn:
    """Set up, wait for the tick, measure, clear away.

    Args:
        place: where.
        who: whose turn it is.
        count: number of objects.
        lead: seconds that setting up may take.

    Raises:
        RuntimeError: the tick came before everything was set up.
        TimeoutError: not every object was answered in ten minutes.
    """
    namespace = f"scale-{who}-{next(_numbers)}"
    await fleet.make_namespace(place.client, namespace)
    try:
        tick = next_minute(datetime.now(UTC) + timedelta(seconds=lead))
        turn = _operator if who == OPERATOR else _cron_jobs
        return await turn(place, namespace, count, tick)
    finally:
        await fleet.clear(place.client, namespace)
        await processes.quiet(place.manager, patience=_PATIENCE)


def next_minute(moment: datetime) -> datetime:
    """The first whole minute that is not before a moment."""
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + timedelta(minutes=1)


async def _operator(place: Place, namespace: str, count: int, tick: datetime) -> Turn:
    await put_exports(place.client, namespace, count, tick)
    turn = Turn(OPERATOR, count)
    async with processes.operator(place.kubeconfig, place.folder / "operator.log") as operator:
        await processes.quiet(operator.pid, patience=_PATIENCE)
        before = counters.operator_requests(await operator.metrics())
        await _measure(place, namespace, tick, turn, EXPORTS, operator.pid)
        turn.own_requests = counters.operator_requests(await operator.metrics()) - before
    return turn


async def _cron_jobs(place: Place, namespace: str, count: int, tick: datetime) -> Turn:
    await fleet.each(
        place.client.create(objects.CRON_JOBS, namespace, objects.cron_job(namespace, number, tick))
        for number in range(count)
    )
    turn = Turn(CRON_JOB_CONTROLLER, count)
    await processes.quiet(place.manager, patience=_PATIENCE)
    await _measure(place, namespace, tick, turn, objects.CRON_JOBS, place.manager)
    return turn


async def put_exports(client: Client, namespace: str, count: int, tick: datetime) -> None:
    """Create exports whose ledger is known already."""
    await client.create(CLAIMS, namespace, objects.claim(namespace))

    async def one(number: int) -> None:
        body = objects.export(namespace, number, tick)
        await client.create(EXPORTS, namespace, body)
        known = {"status": objects.status(number, tick)}
        await client.patch(EXPORTS, namespace, body["metadata"]["name"], known, sub="status")

    await fleet.each(map(one, range(count)))


async def _measure(
    place: Place, namespace: str, tick: datetime, turn: Turn, owners: Resource, pid: int
) -> None:
    """From before the tick until every Job exists and every owner's status says so."""
    start = tick.timestamp()
    async with (
        fleet.watched(place.client, JOBS, namespace, lambda _: True) as created,
        fleet.watched(place.client, owners, namespace, _names(tick)) as accounted,
    ):
        wait = start - 2 - time.time()
        if wait < 0:
            raise RuntimeError(
                f"{turn.count} objects were not set up in time: give more seconds with --lead"
            )
        await asyncio.sleep(wait)
        before = await place.requests()
        async with processes.Usage.of(pid) as usage:
            await created.reach(turn.count, patience=_PATIENCE)
            await accounted.reach(turn.count, patience=_PATIENCE)
        turn.requests = await place.requests() - before
    turn.created, turn.accounted = created.after(start), accounted.after(start)
    turn.cpu, turn.peak = usage.cpu, usage.peak


def _names(tick: datetime) -> Callable[[Object], bool]:
    """Whether a status has accounted for the tick. Both kinds have the field."""
    text = objects.text(tick)
    return lambda body: (body.get("status") or {}).get("lastScheduleTime") == text
