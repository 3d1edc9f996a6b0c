"""Watches: a stream of JSON lines, from a revision on, with bookmarks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from devcluster.apiserver.errors import ApiError, bad_request, expired, forbidden_field, invalid
from devcluster.apiserver.objects import Object
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.serving.negotiate import Form, metadata_only, table
from devcluster.apiserver.serving.reading import Selection, version_of
from devcluster.apiserver.serving.request import TRUE
from devcluster.apiserver.storage.store import Change, ChangeType, Store

_BACKLOG = 10_000
_BOOKMARK_EVERY = 60.0
_BOOKMARK_BEFORE_END = 2.0
_DEFAULT_TIMEOUT = 3600.0

Line = bytes


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The query of a watch.

    Attributes:
        start: Revision to go on from; None and 0: begin with what exists.
        timeout: Seconds until the server ends the watch.
        bookmarks: Whether the client understands bookmarks.
        initial_events: ``sendInitialEvents``: what exists, then a bookmark that says so.
    """

    start: int | None
    timeout: float
    bookmarks: bool
    initial_events: bool

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "WatchOptions":
        """Read a query.

        Raises:
            ApiError: 400 or 422.
        """
        initial = query.get("sendInitialEvents")
        match = query.get("resourceVersionMatch")
        if initial is not None and match != "NotOlderThan":
            cause = forbidden_field(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            )
            raise invalid("ListOptions", "meta.k8s.io", "", [cause])
        if initial is None and match:
            cause = forbidden_field(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
            raise invalid("ListOptions", "meta.k8s.io", "", [cause])
        seconds = query.get("timeoutSeconds") or "0"
        if not seconds.isdigit():
            raise bad_request(f'strconv.ParseInt: parsing "{seconds}": invalid syntax')
        return cls(
            start=version_of(query),
            timeout=float(seconds) or _DEFAULT_TIMEOUT,
            bookmarks=query.get("allowWatchBookmarks") in TRUE,
            initial_events=initial in TRUE,
        )


class Watch:
    """One watch: a queue of lines that changes are put into."""

    def __init__(
        self, registry: Registry, selection: Selection, options: WatchOptions, form: Form
    ) -> None:
        self._registry = registry
        self._selection = selection
        self._options = options
        self._form = form
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue(_BACKLOG)
        self._headers = True
        self._revision = registry.store.revision
        self._stop: Callable[[], None] = lambda: None

    def start(self) -> list[Line]:
        """Begin to listen; returns the lines for what happened before now.

        Raises:
            ApiError: 410 or 504, to be sent as an event of type ERROR.
        """
        store, table_name = self._registry.store, self._selection.resource.table
        start = self._options.start
        lines = []
        if self._options.initial_events or not start:
            for obj in store.list(table_name, self._selection.namespace):
                shown = self._view(obj)
                if self._selection.matches(shown):
                    lines.append(self._line("ADDED", shown))
            if self._options.initial_events and self._options.bookmarks:
                lines.append(self._bookmark(initial_end=True))
        elif start <= store.revision:
            for change in store.changes_since(table_name, start):
                lines.extend(self._lines(change))
        self._stop = store.listen(table_name, self._put)
        return lines

    def _put(self, change: Change) -> None:
        if change.revision <= (self._options.start or 0):
            return  # the client is ahead of this server
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self.stop()

    def stop(self) -> None:
        """End the watch after the lines that are waiting."""
        self._stop()
        self._stop = lambda: None
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def lines(self) -> AsyncIterator[Line]:
        """The lines of changes as they happen, until the time is over."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        end = begin + self._options.timeout
        bookmark = _next_bookmark(begin, end)
        try:
            while (now := loop.time()) < end:
                if now >= bookmark:
                    bookmark = _next_bookmark(now, end)
                    if self._options.bookmarks:
                        yield self._bookmark()
                until = min(end, bookmark) - loop.time()
                try:
                    change = await asyncio.wait_for(self._queue.get(), max(until, 0.001))
                except TimeoutError:
                    continue
                if change is None:
                    return
                for line in self._lines(change):
                    yield line
        finally:
            self._stop()

    def _lines(self, change: Change) -> list[Line]:
        self._revision = change.revision
        kind = str(change.type)
        shown = self._view(change.obj)
        matches = self._selection.matches(shown)
        if change.type is ChangeType.MODIFIED and change.old is not None:
            # What a selector no longer selects is deleted for the watcher, and the reverse.
            matched = self._selection.matches(self._view(change.old))
            if matched and not matches:
                kind, matches, shown = "DELETED", True, self._last_seen(change)
            elif matches and not matched:
                kind = "ADDED"
        elif change.type is ChangeType.DELETED and change.old is not None:
            matches = self._selection.matches(self._view(change.old))
        return [self._line(kind, shown)] if matches else []

    def _last_seen(self, change: Change) -> Object:
        """The state that the watcher knows, under the revision at which it lost sight of it."""
        assert change.old is not None, "only a change has a state before"
        shown = self._view(change.old)
        version = {"resourceVersion": str(change.revision)}
        return {**shown, "metadata": {**shown["metadata"], **version}}

    def _view(self, obj: Object) -> Object:
        return self._registry.view(self._selection.resource, obj)

    def _line(self, kind: str, obj: Object) -> Line:
        return encode_event(kind, self._shape(obj))

    def _shape(self, obj: Object) -> Object:
        match self._form:
            case Form.TABLE:
                first, self._headers = self._headers, False
                version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
                return table(self._selection.resource, [obj], version, headers=first)
            case Form.METADATA | Form.METADATA_LIST:
                return metadata_only(obj)
            case _:
                return obj

    def _bookmark(self, *, initial_end: bool = False) -> Line:
        resource = self._selection.resource
        meta: dict[str, Any] = {"resourceVersion": str(self._registry.store.revision)}
        if initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        if not self._queue.empty():
            # Changes are waiting: the bookmark may not overtake them.
            meta["resourceVersion"] = str(self._revision)
        bare = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
        if self._form is Form.TABLE:
            return encode_event("BOOKMARK", table(resource, [], meta, headers=False))
        if self._form is Form.OBJECT:
            return encode_event("BOOKMARK", bare)
        return encode_event("BOOKMARK", metadata_only(bare))


def _next_bookmark(now: float, end: float) -> float:
    """Each minute, and two seconds before the end, as a real server times them."""
    last = end - _BOOKMARK_BEFORE_END
    return min(now + _BOOKMARK_EVERY, last) if now < last else end


def encode_event(kind: str, obj: Object) -> Line:
    """One line of the stream."""
    return msgspec.json.encode({"type": kind, "object": obj}) + b"\n"


def error_event(error: ApiError) -> Line:
    """The line that ends a watch with an error."""
    return encode_event("ERROR", error.status())


def history_lost(store: Store) -> ApiError:
    """What a fault switch sends to running watches."""
    return expired(f"too old resource version: {store.revision - 1} ({store.revision})")
