"""Kubernetes events on SyncLogExports: written behind the work, repeated ones counted."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from typing import Any

from synclog.api import names
from synclog.controller.errors import AlreadyExistsError, ApiError
from synclog.controller.gateway import EVENTS, Document, Gateway
from synclog.controller.objects import Export
from synclog.controller.throttle import Lane
from synclog.planning.model import Event
from synclog.windows import Instant, format_seconds

logger = logging.getLogger(__name__)

_WAITING = 10_000
_REMEMBERED = 20_000
_NOTE_LIMIT = 1024


class Recorder:
    """Writes events in the background. Events are a courtesy: one that fails is logged, no more.

    Args:
        gateway: the way to the API server.
        instance: name of this process, shown as the reporter.
    """

    def __init__(self, gateway: Gateway, instance: str) -> None:
        self._gateway = gateway
        self._instance = instance
        self._told: OrderedDict[str, int] = OrderedDict()
        """How often each event was written, by name."""
        self._waiting: asyncio.Queue[tuple[Export, Event, Instant]] = asyncio.Queue(_WAITING)

    def record(self, export: Export, event: Event, now: Instant) -> None:
        """Hand in an event; it is written soon."""
        try:
            self._waiting.put_nowait((export, event, now))
        except asyncio.QueueFull:
            logger.warning("too many events wait, one is dropped: %s: %s", export, event.reason)

    async def run(self) -> None:
        """Write what is handed in, for ever."""
        while True:
            await self._write_one()

    async def drain(self) -> None:
        """Write what is waiting, then come back."""
        while not self._waiting.empty():
            await self._write_one()

    async def _write_one(self) -> None:
        export, event, now = await self._waiting.get()
        try:
            await self._write(export, event, now)
        except ApiError as error:
            logger.warning("event %s of %s was not recorded: %s", event.reason, export, error)

    async def _write(self, export: Export, event: Event, now: Instant) -> None:
        body = event_document(export, event, now, self._instance)
        name = body["metadata"]["name"]
        count = self._told.get(name, 0) + 1
        if count > 1 and await self._repeat(export.namespace, name, count, now):
            self._told[name] = count
            return
        try:
            await self._gateway.create(EVENTS, export.namespace, body, lane=Lane.BULK)
        except AlreadyExistsError:  # written by the process before this one
            count = await self._count(export.namespace, name) + 1
            await self._repeat(export.namespace, name, count, now)
            self._remember(name, count)
        else:
            self._remember(name, 1)

    async def _count(self, namespace: str, name: str) -> int:
        """How often an event happened by what is stored. Listed: the operator may not get one."""
        fields = f"metadata.name={name}"
        stored = self._gateway.pages(EVENTS, namespace, fields=fields, lane=Lane.BULK)
        return max([int(event.get("count") or 1) async for page in stored for event in page] or [0])

    async def _repeat(self, namespace: str, name: str, count: int, now: Instant) -> bool:
        body = {"count": count, "lastTimestamp": format_seconds(now)}
        stored = await self._gateway.patch(EVENTS, namespace, name, body, lane=Lane.BULK)
        return stored is not None

    def _remember(self, name: str, count: int) -> None:
        self._told[name] = count
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)


def event_document(export: Export, event: Event, now: Instant, instance: str) -> Document:
    """The event as an object. Equal events have equal names: the second is the first, again."""
    at = format_seconds(now)
    told = f"{export.uid}\0{event.type}\0{event.reason}\0{event.message}"
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    head = export.name[:230].rstrip("-.")  # each part of a name ends with a letter or a digit
    reference: dict[str, Any] = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "namespace": export.namespace,
        "name": export.name,
        "uid": export.uid,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": export.namespace, "name": f"{head}.{digest}"},
        "involvedObject": reference,
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:_NOTE_LIMIT],
        "source": {"component": names.MANAGED_BY},
        "reportingComponent": names.MANAGED_BY,
        "reportingInstance": instance,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
