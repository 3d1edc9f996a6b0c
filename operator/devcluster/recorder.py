"""Kubernetes events, recorded in the background so that they never delay what they tell of."""

import asyncio
import logging
from collections import OrderedDict
from datetime import UTC, datetime

from devcluster.client import EVENTS, ApiError, Client, NotFoundError, Object

_log = logging.getLogger(__name__)
_REMEMBERED = 1024
_WAITING = 4096


def timestamp(moment: datetime) -> str:
    """A moment as Kubernetes writes times: whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reference(item: Object) -> Object:
    """The ``involvedObject`` that names an object."""
    meta = item["metadata"]
    return {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta["uid"],
        "resourceVersion": meta.get("resourceVersion", ""),
    }


class Recorder:
    """Records events of one component; a repeated one is counted instead of repeated."""

    def __init__(self, client: Client, component: str) -> None:
        self._client = client
        self._component = component
        self._queue: asyncio.Queue[tuple[Object, str, str, str]] = asyncio.Queue(_WAITING)
        self._known: OrderedDict[tuple[str, str, str], Object] = OrderedDict()

    def event(self, item: Object, kind: str, reason: str, message: str) -> None:
        """Record an event on an object; ``kind`` is ``Normal`` or ``Warning``."""
        try:
            self._queue.put_nowait((item, kind, reason, message))
        except asyncio.QueueFull:
            _log.warning("an event is dropped: %s %s", reason, message)

    async def run(self) -> None:
        """Send what is recorded, for ever."""
        while True:
            item, kind, reason, message = await self._queue.get()
            try:
                await self._send(item, kind, reason, message)
            except ApiError as error:
                _log.warning("event %s is lost: %s", reason, error)

    async def _send(self, item: Object, kind: str, reason: str, message: str) -> None:
        now = timestamp(datetime.now(UTC))
        namespace = item["metadata"].get("namespace") or "default"
        key = (item["metadata"]["uid"], reason, message)
        known = self._known.get(key)
        if known is not None:
            change = {"count": known["count"] + 1, "lastTimestamp": now}
            try:
                self._known[key] = await self._client.patch(
                    EVENTS, namespace, known["metadata"]["name"], change
                )
            except NotFoundError:  # it expired; record it anew
                pass
            else:
                return
        self._known[key] = await self._client.create(
            EVENTS,
            namespace,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "generateName": f"{item['metadata']['name'][:50]}.",
                    "namespace": namespace,
                },
                "involvedObject": reference(item),
                "type": kind,
                "reason": reason,
                "message": message[:1024],
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "source": {"component": self._component},
                "reportingComponent": self._component,
                "reportingInstance": "",
            },
        )
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
