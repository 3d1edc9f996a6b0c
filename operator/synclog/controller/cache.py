"""What the operator has seen: stores of slim objects, fed by watches and by lists."""

from collections import defaultdict
from typing import Generic, Protocol, TypeVar

from synclog.controller.objects import Export, Job, Pod


class Kept(Protocol):
    """What a store needs of an object."""

    @property
    def uid(self) -> str: ...  # noqa: D102 - see the class
    @property
    def version(self) -> str: ...  # noqa: D102 - see the class
    @property
    def parent(self) -> str: ...  # noqa: D102 - see the class


T = TypeVar("T", bound=Kept)


class Store(Generic[T]):
    """Objects of one kind by uid, and the uids of each parent's children."""

    def __init__(self) -> None:
        self._objects: dict[str, T] = {}
        self._children: defaultdict[str, set[str]] = defaultdict(set)
        self._sweeps: list[Sweep[T]] = []

    def __len__(self) -> int:
        return len(self._objects)

    def all(self) -> list[T]:
        """Every object, as of now."""
        return list(self._objects.values())

    def get(self, uid: str) -> T | None:
        """The object, or None."""
        return self._objects.get(uid)

    def children(self, parent: str) -> list[T]:
        """The objects whose parent this is, in no order."""
        return [self._objects[uid] for uid in self._children.get(parent, ())]

    def put(self, thing: T) -> bool:
        """Keep an object. False where nothing newer than what is known came in."""
        known = self._objects.get(thing.uid)
        if known is not None:
            if not _newer(thing.version, known.version):
                return False
            self._children[known.parent].discard(known.uid)
        self._objects[thing.uid] = thing
        self._children[thing.parent].add(thing.uid)
        return True

    def discard(self, uid: str) -> T | None:
        """Forget an object that is gone; returns what was known of it."""
        for sweep in self._sweeps:
            sweep.gone.add(uid)
        thing = self._objects.pop(uid, None)
        if thing is not None:
            siblings = self._children[thing.parent]
            siblings.discard(uid)
            if not siblings:
                del self._children[thing.parent]
        return thing

    def sweep(self) -> "Sweep[T]":
        """Begin to compare the store with a list that is about to be read."""
        sweep = Sweep(self, {uid: thing.version for uid, thing in self._objects.items()})
        self._sweeps.append(sweep)
        return sweep

    def end(self, sweep: "Sweep[T]") -> None:
        """A sweep is over; it hears of deletions no more."""
        self._sweeps.remove(sweep)


class Sweep(Generic[T]):
    """One comparison of a store with a list, while watches go on changing the store."""

    def __init__(self, store: Store[T], known: dict[str, str]) -> None:
        self._store = store
        self._known = known
        self._listed: set[str] = set()
        self.gone: set[str] = set()
        """Deleted while the list was read: a page that still shows them is old."""

    def saw(self, thing: T) -> bool:
        """Keep a listed object; False where the list has nothing new about it."""
        self._listed.add(thing.uid)
        return thing.uid not in self.gone and self._store.put(thing)

    def finish(self) -> list[T]:
        """Forget what the list does not have and no watch has touched; returns it."""
        self._store.end(self)
        forgotten = []
        for uid, version in self._known.items():
            thing = self._store.get(uid)
            if uid not in self._listed and thing is not None and thing.version == version:
                self._store.discard(uid)
                forgotten.append(thing)
        return forgotten

    def abort(self) -> None:
        """Give up: the list could not be read to its end."""
        self._store.end(self)


class Cache:
    """Everything that the operator has seen."""

    def __init__(self) -> None:
        self.exports: Store[Export] = Store()
        self.jobs: Store[Job] = Store()
        self.pods: Store[Pod] = Store()


def _newer(version: str, known: str) -> bool:
    """Whether a resourceVersion is newer; where it is no number, whether it differs."""
    if version.isdecimal() and known.isdecimal():
        return int(version) > int(known)
    return version != known
