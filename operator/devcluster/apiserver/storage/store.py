"""The store: every write is a change with a revision; watches are readers of changes.

One revision counter serves all resources, as in etcd. Objects are never changed in place, so a
reader may keep what it got. Everything runs in one event loop, so there are no locks: a method
that does not await is a transaction.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from devcluster.apiserver.errors import expired
from devcluster.apiserver.objects import Object
from devcluster.apiserver.storage.journal import Journal


class Key(NamedTuple):
    """Where an object is kept; ``resource`` is ``jobs.batch``, the namespace may be empty."""

    resource: str
    namespace: str
    name: str


class ChangeType(StrEnum):
    """What happened, in the words of a watch."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One write.

    Attributes:
        revision: The write's revision, also in ``obj``'s resourceVersion.
        obj: The new state; for a deletion the last state under the deletion's revision.
        old: The state before, None for an addition.
    """

    revision: int
    type: ChangeType
    key: Key
    obj: Object
    old: Object | None


Listener = Callable[[Change], None]


@dataclass(slots=True)
class _Table:
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    floor: int = 0  # changes up to here are forgotten
    listeners: list[Listener] = field(default_factory=list)


class Store:
    """All objects of the server.

    Args:
        history: Changes to keep per resource; a watch from before them gets 410.
        journal: Where changes are kept for the next start, or None.
    """

    def __init__(self, *, history: int = 10_000, journal: Journal | None = None) -> None:
        self._tables: dict[str, _Table] = {}
        self._history = history
        self._everything: list[Listener] = []
        self._snapshots: dict[tuple[int, str, str], Sequence[Object]] = {}
        self._start = 0
        self.revision = 0
        self._journal = journal
        if journal is not None:
            self._load(journal)

    def _load(self, journal: Journal) -> None:
        for record in journal.read():
            key = Key(*record.key)
            table = self._table(key.resource)
            if record.object is None:
                table.objects.pop(key[1:], None)
            else:
                table.objects[key[1:]] = record.object
            self.revision = record.revision
        self.forget()
        journal.rewrite(
            self.revision,
            (
                (Key(resource, *where), obj)
                for resource, table in self._tables.items()
                for where, obj in table.objects.items()
            ),
        )

    def _table(self, resource: str) -> _Table:
        table = self._tables.get(resource)
        if table is None:
            table = self._tables[resource] = _Table(floor=self._start)
        return table

    def forget(self) -> None:
        """Drop the history: watches and pages from before now get 410, as after a compaction."""
        self._start = self.revision
        self._snapshots.clear()
        for table in self._tables.values():
            table.history.clear()
            table.floor = self.revision

    def get(self, key: Key) -> Object | None:
        """The object, not to be changed."""
        return self._table(key.resource).objects.get(key[1:])

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """The objects of a resource, ordered by namespace and name."""
        objects = self._table(resource).objects
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def resources(self) -> Iterator[str]:
        """The resources that have, or had, objects."""
        return iter(tuple(self._tables))

    def write(self, key: Key, obj: Object) -> Object:
        """Create or replace; returns the object with its new resourceVersion."""
        table = self._table(key.resource)
        old = table.objects.get(key[1:])
        self.revision += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        table.objects[key[1:]] = stored
        self._record(
            table,
            Change(
                self.revision,
                ChangeType.ADDED if old is None else ChangeType.MODIFIED,
                key,
                stored,
                old,
            ),
        )
        return stored

    def delete(self, key: Key) -> Object:
        """Remove; returns the last state under the deletion's resourceVersion.

        Raises:
            KeyError: there is no such object.
        """
        table = self._table(key.resource)
        old = table.objects.pop(key[1:])
        self.revision += 1
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.revision)}}
        self._record(table, Change(self.revision, ChangeType.DELETED, key, last, old))
        return last

    def _record(self, table: _Table, change: Change) -> None:
        table.history.append(change)
        if len(table.history) > self._history:
            table.floor = table.history.popleft().revision
        if self._journal is not None:
            gone = change.type is ChangeType.DELETED
            self._journal.append(change.revision, change.key, None if gone else change.obj)
        for listener in (*table.listeners, *self._everything):
            listener(change)

    def changes_since(self, resource: str, revision: int) -> Sequence[Change]:
        """The changes of a resource after a revision.

        Raises:
            ApiError: 410, history does not reach back so far.
        """
        table = self._table(resource)
        if revision < table.floor:
            raise expired(f"too old resource version: {revision} ({table.floor})")
        return [change for change in table.history if change.revision > revision]

    def listen(self, resource: str, listener: Listener) -> Callable[[], None]:
        """Call back at every change of a resource; returns what ends it."""
        listeners = self._table(resource).listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def listen_to_all(self, listener: Listener) -> None:
        """Call back at every change."""
        self._everything.append(listener)

    def snapshot(self, resource: str, namespace: str, revision: int | None) -> Sequence[Object]:
        """The list at a revision, for the next page of a list that began there.

        Raises:
            ApiError: 410, the snapshot is no longer kept.
        """
        at = self.revision if revision is None else revision
        key = (at, resource, namespace)
        if revision is None or at == self.revision:
            objects = self.list(resource, namespace)
            self._snapshots[key] = objects
            while len(self._snapshots) > _SNAPSHOTS:
                del self._snapshots[next(iter(self._snapshots))]
            return objects
        if key not in self._snapshots:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter, or use the continue "
                "token in this response to retrieve the remainder of the results. Continuing "
                "with the provided token results in an inconsistent list - objects that were "
                "created, modified, or deleted between the time the first chunk was returned "
                "and now may show up in the list."
            )
        return self._snapshots[key]

    def at(self, resource: str, namespace: str, revision: int) -> Sequence[Object]:
        """The list as it was at a revision.

        Raises:
            ApiError: 410, history does not reach back so far.
        """
        table = self._table(resource)
        if revision < table.floor:
            raise expired("The resourceVersion for the provided list is too old.")
        objects = dict(table.objects)
        for change in reversed(self.changes_since(resource, revision)):
            if change.old is None:
                del objects[change.key[1:]]
            else:
                objects[change.key[1:]] = change.old
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def counts(self) -> Mapping[str, int]:
        """Objects per resource."""
        return {resource: len(table.objects) for resource, table in self._tables.items()}


_SNAPSHOTS = 64
