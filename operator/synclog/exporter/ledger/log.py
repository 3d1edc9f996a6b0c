"""Reading the ledger's head and appending to it: optimistic, by creating the next number.

Nobody locks. A writer reads the head, checks its record against it, and creates the next
entry only if nobody else has. Who comes second reads again, checks again, and tries the next
number; so a check that was true of an older head never commits anything.
"""

from collections.abc import Callable
from dataclasses import dataclass

from synclog import __version__
from synclog.api.run import LedgerHead
from synclog.exporter.destination import Destination
from synclog.exporter.errors import DestinationError, IntegrityError
from synclog.exporter.ledger import entries
from synclog.exporter.ledger.entries import Entry, Identity, Record, SoFar
from synclog.exporter.ledger.rules import after
from synclog.windows import Instant, format_time

_ATTEMPTS = 1_000
"""Races that may be lost in a row; only a storage that contradicts itself loses so many."""

_LOOKS = (2, 3, 5, 9, 17, 33)
"""How far behind the last entry another one is looked for, where nobody knows the last."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a ledger, as far as a writer must know it."""

    number: int
    digest: str
    identity: Identity
    so_far: SoFar

    def told(self) -> LedgerHead:
        """What the operator is told of it."""
        return LedgerHead(id=self.identity.id, head=self.number, digest=self.digest)


class Ledger:
    """The ledger of a destination.

    Args:
        destination: where it is.
        clock: gives the time that entries are stamped with.
    """

    def __init__(self, destination: Destination, *, clock: Callable[[], Instant]) -> None:
        self._destination = destination
        self._clock = clock

    def entry(self, number: int) -> tuple[Entry, str] | None:
        """An entry and the digest of its bytes; None if there is none of this number.

        Raises:
            IntegrityError: it cannot be read.
        """
        data = self._destination.read(entries.path_of(number))
        if data is None:
            return None
        return entries.decode(data, number=number), entries.digest(data)

    def head(self, expected: LedgerHead | None = None) -> Head | None:
        """The newest entry; None if there is no ledger.

        Args:
            expected: a head that this ledger is known to have had.

        Raises:
            IntegrityError: the ledger is shorter than expected, or another one; or an entry of it
                is missing.
        """
        first = self.entry(0)
        if first is None:
            if expected is not None:
                raise IntegrityError(
                    "LedgerMissing",
                    f"the destination holds no ledger, but ledger {expected.id} with "
                    f"{expected.head + 1} entries was seen there: mount the right volume, or "
                    "restore _synclog/ledger",
                )
            return None
        entry, digest = first
        if not isinstance(entry.record, Identity):
            raise IntegrityError("ChainBroken", "entry 0 of the ledger is not its identity")
        known = Head(0, digest, entry.record, entry.so_far)
        if expected is not None:
            known = self._confirmed(known, expected)
        head = self.newest(known)
        if expected is None:
            self._check_nothing_behind(head.number)
        return head

    def newest(self, known: Head) -> Head:
        """The newest entry, found from one that is known."""
        number = self._last(known.number)
        if number == known.number:
            return known
        found = self.entry(number)
        if found is None:
            raise DestinationError(
                "DestinationUnstable",
                f"ledger entry {number} was there and then was not: try again",
            )
        entry, digest = found
        return Head(number, digest, known.identity, entry.so_far)

    def create(self, identity: Identity) -> Head:
        """Begin a ledger. If another writer was faster, its ledger is the one."""
        entry = self._entry(0, "", identity, after(None, identity))
        data = entries.encode(entry)
        if self._destination.create(entries.path_of(0), data):
            return Head(0, entries.digest(data), identity, entry.so_far)
        head = self.head()
        if head is None:
            raise DestinationError(
                "DestinationUnstable", "ledger entry 0 was there and then was not: try again"
            )
        return head

    def append(self, known: Head, propose: Callable[[Head], Record | None]) -> tuple[Head, bool]:
        """Append one record.

        Args:
            known: a head to begin the search from.
            propose: decides on a head which record shall follow it; None: none is needed any
                more. It is asked again after every lost race, and its errors pass through.

        Returns:
            The new head and True; or the head for which nothing was proposed and False.

        Raises:
            IntegrityError: the proposed record may not follow the head.
        """
        for _ in range(_ATTEMPTS):
            known = self.newest(known)
            record = propose(known)
            if record is None:
                return known, False
            so_far = after(known.so_far, record)
            number = known.number + 1
            data = entries.encode(self._entry(number, known.digest, record, so_far))
            if self._destination.create(entries.path_of(number), data):
                return Head(number, entries.digest(data), known.identity, so_far), True
        raise DestinationError(
            "DestinationUnstable",
            f"ledger entry {known.number + 1} exists for those who create it and not for those "
            "who look: the storage is not consistent",
        )

    def _entry(self, number: int, previous: str, record: Record, so_far: SoFar) -> Entry:
        return Entry(
            number=number,
            previous=previous,
            written=format_time(self._clock()),
            version=__version__,
            record=record,
            so_far=so_far,
        )

    def _confirmed(self, known: Head, expected: LedgerHead) -> Head:
        """The expected entry, after making sure that it is what was expected."""
        if known.identity.id != expected.id:
            raise IntegrityError(
                "LedgerReplaced",
                f"the destination holds ledger {known.identity.id}, but ledger {expected.id} was "
                "seen there: mount the right volume, or restore _synclog/ledger",
            )
        found = self.entry(expected.head)
        if found is None:
            raise IntegrityError(
                "LedgerShorter",
                f"the ledger ends before entry {expected.head}, which was seen there: its newest "
                "entries were removed, or an older copy was mounted; restore _synclog/ledger",
            )
        entry, digest = found
        if digest != expected.digest:
            raise IntegrityError(
                "LedgerRewritten",
                f"ledger entry {expected.head} has the digest {digest}, but was seen with "
                f"{expected.digest}: it was changed after it was written",
            )
        return Head(expected.head, digest, known.identity, entry.so_far)

    def _check_nothing_behind(self, last: int) -> None:
        """See whether the last entry is one before a hole, as far as a few looks tell.

        Whoever wrote an entry there would break the chain for good, and export again what the
        entries behind the hole have.
        """
        for ahead in _LOOKS:
            # Looked for in this order, since others may be appending.
            if self._exists(last + ahead) and not self._exists(last + 1):
                raise IntegrityError(
                    "EntryMissing",
                    f"ledger entry {last + 1} is missing, and entry {last + ahead} is there: "
                    "restore _synclog/ledger",
                )

    def _last(self, number: int) -> int:
        """The last number that exists, from one that does: steps that double, then halve."""
        step = 1
        while self._exists(number + step):
            number += step
            step *= 2
        while step > 1:
            step //= 2
            if self._exists(number + step):
                number += step
        return number

    def _exists(self, number: int) -> bool:
        return self._destination.size(entries.path_of(number)) is not None
