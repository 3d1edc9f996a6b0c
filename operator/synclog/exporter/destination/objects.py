"""An object store as a destination, through one library for all of them.

An object is created by one request that carries all of it and the condition that nothing of
its name exists. There are no multipart uploads, so nothing unfinished is ever stored.

A store may do what it was told and the answer may be lost. So an uncertain creation is tried
again, and what then exists is compared.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore

from synclog.exporter.destination.base import PROBE, Guarantee, Stored, checked
from synclog.exporter.destination.failures import (
    LIBRARY_ERRORS,
    Act,
    Place,
    failure,
    holder_missing,
    understood,
    unsupported,
)
from synclog.exporter.destination.guarantee import Protection
from synclog.exporter.errors import DestinationError, ExportError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore import Attributes

_BLOCK = 1 << 20
_PART_SIZE = 8 << 20
"""A part is held in memory until it is complete: this bounds it, compressed or not."""
_ROOM = 2 * _PART_SIZE + (1 << 20)
"""Parts on their way are held as well: two that are not compressed, or more that are."""
_PROBES = (b"synclog: may this object be replaced?\n", b"synclog: this object was replaced\n")
"""What is written to the probe: first, and on the condition that nothing is there."""
_PAUSES = (1.0, 3.0)
"""Seconds before a creation whose outcome is unknown is tried again."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What objects carry besides their content."""

    storage_class: str | None = None
    """Of the parts: the ledger's files are small, and read in every run."""
    tags: dict[str, str] = field(default_factory=dict)
    """Of every object."""


class Bucket:
    """A destination in an object store.

    Args:
        store: the store, with the prefix of the destination.
        place: how it is called, and what it wants granted.
        protection: asks what protects objects.
        marks: what objects carry besides their content.
        part_size: plain bytes that one part should not exceed by more than a record.
        room: bytes of drafts that may be published at the same time.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        store: ObjectStore,
        place: Place,
        protection: Protection,
        *,
        marks: Marks = Marks(),
        part_size: int = _PART_SIZE,
        room: int = _ROOM,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._place = place
        self._protection = protection
        self._tags = marks.tags or None
        self._of_parts: Attributes = (
            {"Storage-Class": marks.storage_class} if marks.storage_class else {}
        )
        self.part_size = part_size
        self.room = room
        self._sleep = sleep

    def __str__(self) -> str:
        return str(self._place)

    def probe(self) -> None:
        """See `Destination.probe`: tries whether a second creation of one name is refused.

        Nothing can be deleted, so the object that is tried with stays, always the same one.
        """
        self._put(PROBE, _PROBES[0])
        if self._put(PROBE, _PROBES[1]):
            raise unsupported(self._place)
        found = self.read(PROBE)
        if found is None or PROBE not in {file.path for file in self._list(PROBE[:-1])}:
            raise DestinationError(
                "DestinationUnstable",
                f"{self}: {PROBE} exists for those who create it, and not for those who look",
            )
        if found not in _PROBES:
            raise DestinationError(
                "DestinationUnstable", f"{self}: {PROBE} does not hold what was written to it"
            )

    def guarantee(self, path: str | None) -> Guarantee:
        """See `Destination.guarantee`."""
        return self._protection.of(path)

    @contextmanager
    def draft(self) -> Iterator["BucketDraft"]:
        """See `Destination.draft`."""
        yield BucketDraft(self._publish)

    def create(self, path: str, data: bytes) -> bool:
        """See `Destination.create`."""
        # What exists may be our own, of a try whose answer was lost.
        return self._put(path, data) or self.read(path) == data

    def read(self, path: str) -> bytes | None:
        """See `Destination.read`."""
        with self._reported(Act.READ):
            try:
                return bytes(obstore.get(self._store, checked(path)).bytes())
            except FileNotFoundError as error:
                if holder_missing(error):
                    raise
                return None

    def size(self, path: str) -> int | None:
        """See `Destination.size`."""
        with self._reported(Act.READ):
            try:
                return obstore.head(self._store, checked(path))["size"]
            except FileNotFoundError:
                return None

    def blocks(self, path: str) -> Iterator[bytes]:
        """See `Destination.blocks`."""
        with self._reported(Act.READ):
            try:
                found = obstore.get(self._store, checked(path))
            except FileNotFoundError as error:
                if holder_missing(error):
                    raise
                raise DestinationError(
                    "DestinationFailed", f"{self}: reading {path} failed: there is no such object"
                ) from error
            for chunk in found.stream(min_chunk_size=_BLOCK):
                view = memoryview(chunk)
                for start in range(0, len(view), _BLOCK):
                    yield bytes(view[start : start + _BLOCK])

    def files(self) -> Iterator[Stored]:
        """See `Destination.files`."""
        return self._list(None)

    def _list(self, after: str | None) -> Iterator[Stored]:
        """Every file whose path sorts behind ``after``; within its folder only."""
        folder = after and after.rpartition("/")[0]
        with self._reported(Act.LIST):
            for page in obstore.list(self._store, folder, offset=after, chunk_size=1000):
                for found in page:
                    # The mark of a folder that a console makes is the destination itself.
                    if found["path"]:
                        yield Stored(found["path"], found["size"])

    def _publish(self, path: str, data: list[bytes]) -> bool:
        """Create a part. False if one of that name exists, which may be our own."""
        if not self._put(path, data, self._of_parts):
            return False
        # The source forgets what is said to be stored, so the word of the store is not enough.
        if self.size(path) != sum(map(len, data)):
            raise DestinationError(
                "DestinationUnstable",
                f"{self}: the store says that {path} was created, and does not have it as it was "
                "sent: look at the store, or at what stands before it",
            )
        return True

    def _put(
        self, path: str, data: bytes | list[bytes], attributes: "Attributes | None" = None
    ) -> bool:
        """Create an object. False if one of that name exists, which may be our own."""
        for pause in (*_PAUSES, None):
            problem = self._try(path, data, attributes)
            if not isinstance(problem, ExportError):
                return problem
            if pause is None or not isinstance(problem, DestinationError):
                raise problem
            self._sleep(pause)
        raise AssertionError("the last try has no pause")

    def _try(
        self, path: str, data: bytes | list[bytes], attributes: "Attributes | None"
    ) -> bool | ExportError:
        """One try: whether the object was created, or why that is not known."""
        try:
            with understood(self._place.url):
                obstore.put(
                    self._store,
                    checked(path),
                    data,
                    mode="create",
                    use_multipart=False,
                    attributes=attributes,
                    tags=self._tags,
                )
        except AlreadyExistsError:
            # Also said while another creation of this name is under way; that one may fail.
            if self.size(path) is not None:
                return False
            return DestinationError(
                "DestinationBusy", f"{self}: another writer is creating {path}: try again"
            )
        except LIBRARY_ERRORS as error:
            problem = failure(error, Act.CREATE, self._place)
            problem.__cause__ = None  # it quotes answers
            # Who may create, and not replace, is told of a missing right before any condition
            # is looked at: by Azure, and by Google where the right to delete is not granted.
            denied = problem.reason == "DestinationDenied"
            return False if denied and self._there(path) else problem
        return True

    def _there(self, path: str) -> bool:
        """Whether an object is known to exist."""
        try:
            return self.size(path) is not None
        except ExportError:
            return False

    @contextmanager
    def _reported(self, act: Act) -> Iterator[None]:
        """Turn the library's errors into the exporter's."""
        try:
            with understood(self._place.url):
                yield
        except LIBRARY_ERRORS as error:
            # Without the cause: it quotes answers.
            raise failure(error, act, self._place) from None


class BucketDraft:
    """An object that is being written, in memory. See `Draft`."""

    def __init__(self, put: Callable[[str, list[bytes]], bool]) -> None:
        self._put = put
        self._data: list[bytes] = []

    def write(self, data: bytes | memoryview, /) -> None:
        """See `Draft.write`."""
        self._data.append(bytes(data))

    def publish(self, path: str, /) -> bool:
        """See `Draft.publish`."""
        return self._put(path, self._data)
