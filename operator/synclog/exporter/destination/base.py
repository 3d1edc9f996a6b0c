"""What the exporter needs of a storage: creating files that never replace others, and reading.

Everything that the exporter writes is created complete or not at all, under a name that did
not exist. There is no way to overwrite, append or delete: nobody needs it, so nobody can.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from synclog.exporter.errors import IntegrityError

PROBE = "_synclog/probe"
"""The object that a store is probed with. It stays, since nothing is ever deleted."""

_NAME = re.compile(r"[A-Za-z0-9_=][A-Za-z0-9_=.\-]{0,199}", re.ASCII)


def checked(path: str) -> str:
    """The path itself, if every storage takes it and it stays inside the destination.

    Paths also come from ledger entries, which others may have written: a path that climbs out
    of the destination must never reach a file system.

    Raises:
        IntegrityError: the path is absolute, climbs, or holds odd characters.
    """
    if not all(_NAME.fullmatch(name) for name in path.split("/")):
        raise IntegrityError(
            "UnsafePath",
            f"{path!r} is no path inside a destination: names are made of letters, digits, "
            "'=', '_', '.' and '-', and do not begin with '.' or '-'",
        )
    return path


@dataclass(frozen=True, slots=True, order=True)
class Stored:
    """A file that is in a destination."""

    path: str
    """Relative to the destination, with forward slashes."""
    size: int
    """Bytes."""


UNKNOWN = "Unknown"
"""Nobody was asked what retains an object, or nobody answered."""


class Guarantee(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What kept files from being replaced or removed when an entry was written."""

    creation: str
    """What made creation conditional: ``link``, or the header of a store's requests."""
    retention: str = ""
    """The mode, as the store names it; ``NotShown`` or ``Unknown``; empty: no file to ask about."""
    retain_until: str = ""
    """Until when the store refuses to delete the first part; empty if it does not say."""
    legal_hold: bool = False
    """Whether the store also keeps it until somebody releases it."""


class Draft(Protocol):
    """A file that is being written and that nobody sees before it is published."""

    def write(self, data: bytes | memoryview, /) -> None:
        """Add bytes at the end.

        Raises:
            DestinationError: there is no room, or the storage fails.
        """

    def publish(self, path: str, /) -> bool:
        """Make the file appear under ``path``, whole and durable.

        Returns:
            True if it was created; False if something of that name exists, which is untouched.

        Raises:
            DestinationError: the storage fails; the file may then exist, whole.
        """


class Destination(Protocol):
    """A storage. All paths are relative, with forward slashes.

    Every method raises `DestinationError` where the storage fails.
    """

    @property
    def part_size(self) -> int:
        """Plain bytes that one part should not exceed by more than a record."""

    @property
    def room(self) -> int:
        """Bytes of drafts that may be published side by side, from threads; 0: none may."""

    def __str__(self) -> str:
        """The destination in one string for a person; no secret in it."""

    def probe(self) -> None:
        """Find out whether this storage can hold a ledger.

        Raises:
            ConfigurationError: it lets a create replace a file, or cannot create without that.
        """

    def guarantee(self, path: str | None) -> Guarantee:
        """What keeps a file that exists from being replaced or removed; never an error."""

    def draft(self) -> AbstractContextManager[Draft]:
        """Start a file. What is not published when the context ends vanishes."""

    def create(self, path: str, data: bytes) -> bool:
        """Create a small file, as `Draft.publish` does.

        Returns:
            True if it is there and holds ``data``; where an answer can be lost, that may be so
            from a try before. False if something else of that name exists, which is untouched.
        """

    def read(self, path: str) -> bytes | None:
        """The content of a small file; None if there is none."""

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None if there is none."""

    def blocks(self, path: str) -> Iterator[bytes]:
        """The content of a file in blocks of at most 1 MiB.

        Raises:
            DestinationError: also if there is no such file.
        """

    def files(self) -> Iterator[Stored]:
        """Every file, sorted by path within its folder; abandoned drafts included."""
