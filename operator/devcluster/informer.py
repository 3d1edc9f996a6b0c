"""A local copy of one kind of object, kept up to date by list and watch.

It survives dropped watches (it goes on from the last version seen) and forgotten history (it
lists again). Writers hand the server's answers to `Informer.put`, so that a program reads its
own writes at once and needs no book of expected changes: of two states of one object the one
with the higher resourceVersion wins, whichever way it came.
"""

import asyncio
import contextlib
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator

from devcluster.client import ApiError, Client, GoneError, Object, Resource

_log = logging.getLogger(__name__)
_TOMBSTONES = 4096
_PAUSE = 0.1
"""Seconds between two watches; doubles, up to five, while they fail."""

Listener = Callable[[Object, bool], None]
"""Told of every change: the newest state of an object, and whether the object is gone."""


def key_of(item: Object) -> str:
    """``namespace/name`` of an object."""
    return f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def version_of(item: Object) -> int:
    """The resourceVersion as a number; the API promises that they can be compared."""
    return int(item["metadata"].get("resourceVersion") or 0)


class Informer:
    """The objects of one resource, in all namespaces, that match the selectors."""

    def __init__(
        self, client: Client, resource: Resource, listener: Listener, **selectors: str
    ) -> None:
        self._client = client
        self._resource = resource
        self._listener = listener
        self._selectors = selectors
        self._store: dict[str, Object] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self.synced = asyncio.Event()
        """Set when the first list has been taken in."""

    def get(self, key: str) -> Object | None:
        """The newest known state of an object, or None. It must not be changed."""
        return self._store.get(key)

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._store.values()))

    def put(self, item: Object) -> None:
        """Take in a state of an object, unless a newer one or its end is known."""
        key, version = key_of(item), version_of(item)
        known = self._store.get(key)
        if item["metadata"]["uid"] in self._gone:
            return
        if known is not None:
            if version_of(known) >= version:
                return
            if known["metadata"]["uid"] != item["metadata"]["uid"]:
                self.drop(known)
        item.setdefault("apiVersion", self._resource.api_version)
        item.setdefault("kind", self._resource.kind)
        self._store[key] = item
        self._listener(item, False)

    def drop(self, item: Object) -> None:
        """Take in that an object is gone."""
        uid = item["metadata"]["uid"]
        self._gone[uid] = None
        while len(self._gone) > _TOMBSTONES:
            self._gone.popitem(last=False)
        known = self._store.get(key_of(item))
        if known is not None and known["metadata"]["uid"] == uid:
            del self._store[key_of(item)]
            self._listener(item, True)

    async def run(self) -> None:
        """Keep the copy up to date, for ever."""
        delay = _PAUSE
        version = ""
        while True:
            try:
                if not version:
                    version = await self._list()
                    self.synced.set()
                seconds = random.randint(240, 300)
                async with contextlib.aclosing(
                    self._client.watch(self._resource, version, seconds=seconds, **self._selectors)
                ) as changes:
                    async for kind, item in changes:
                        version = item["metadata"]["resourceVersion"]
                        delay = _PAUSE
                        if kind == "DELETED":
                            self.drop(item)
                        elif kind != "BOOKMARK":
                            self.put(item)
            except GoneError:
                version = ""
            except ApiError as error:
                _log.warning("watching %s: %s", self._resource.plural, error)
                delay = min(delay * 2, 5.0)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))

    async def _list(self) -> str:
        items, version = await self._client.list(self._resource, **self._selectors)
        present = {item["metadata"]["uid"] for item in items}
        for known in list(self._store.values()):
            # What was written after the list was taken is not missing from it.
            if known["metadata"]["uid"] not in present and version_of(known) <= int(version):
                self.drop(known)
        for item in items:
            self.put(item)
        return version
