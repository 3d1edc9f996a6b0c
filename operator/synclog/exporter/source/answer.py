"""What one reading of one range of the source gave, before anybody knows whether it is complete."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from synclog.exporter.source.digest import combine, multiset_sum
from synclog.exporter.source.evidence import AnswerEvidence
from synclog.exporter.source.selection import Selected
from synclog.windows import Instant, Window, to_second

_MARGIN_LIMIT = 1000
_MARGIN_SHARE = 100

Progress: TypeAlias = Callable[[int, int], None]
"""Called with events and bytes so far."""


class Spool(Protocol):
    """Where records are kept until they are published. Each write ends where a record ends."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        """Append bytes."""
        ...

    def truncate(self, size: int, /) -> object:
        """Drop what is beyond a size that it had; the next write goes there."""
        ...

    def tell(self) -> int:
        """The place of the next write."""
        ...


class Discarded:
    """A spool that keeps nothing."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        """Drop bytes."""
        return len(data)

    def truncate(self, size: int, /) -> object:
        """Do nothing."""
        return size

    def tell(self) -> int:
        """Always at the start."""
        return 0


@dataclass(frozen=True, slots=True)
class Asked:
    """The bounds that are sent for a window: wider, as nobody knows whether they are inclusive.

    The margin is a second, or less for short windows, so that halving a window still halves the
    answer. A window that ends amid a second is asked for up to the end of that: what the source
    shows as a whole second may be later within it.
    """

    after: Instant
    before: Instant

    @classmethod
    def around(cls, window: Window) -> "Asked":
        """The bounds to ask for a window."""
        margin = min(max(window.length // _MARGIN_SHARE, 1), _MARGIN_LIMIT)
        before = max(window.end + margin - 1, to_second(window.end))
        return cls(window.start - margin, before)

    @classmethod
    def closely(cls, window: Window) -> "Asked":
        """The least bounds that are right, be they inclusive or not."""
        return cls(window.start - 1, window.end)


@dataclass(slots=True)
class Answer:
    """All records of one range, as one or several HTTP answers gave them.

    `rows` counts every record served, `events` those inside the window; `digest`, `first` and
    `last` are about the events, `earliest`, `latest` and the order about every record.
    """

    window: Window
    asked: Asked
    rows: int = 0
    events: int = 0
    bytes: int = 0
    digest: int = 0
    first: Instant | None = None
    last: Instant | None = None
    at_first: int = 0
    """Digest of the events at `first`."""
    at_last: int = 0
    earliest: Instant | None = None
    """The earliest timestamp served, outside the window too."""
    latest: Instant | None = None
    rises: int = 0
    """How many records are later than the one served before them."""
    falls: int = 0
    closing: Instant | None = None
    """The timestamp of the last record as served."""
    served: int = 0
    """Bytes of bodies."""
    total: int | None = None
    """How many records there are, as the source says; None where it does not say."""
    tells_the_end: bool = True
    """Whether every body would have been noticed had it been cut short."""
    ends_mid_line: bool = False
    """Whether the last record has no line end: the source's habit, or a cut."""
    broken: bool = False
    """Whether the last record is incomplete, or pages changed while they were read."""
    shuffled: bool = False
    """Whether records of one time came on several pages in an order that changes, so that one may
    have come twice and another never. Another answer may agree by chance, so it proves nothing."""
    blank: bool = False
    """Whether there is nothing that says of the answer what it is: an empty body."""
    at_after: bool = False
    """Whether a record has the very instant of the lower bound asked for."""
    at_before: bool = False
    page_base: int | None = None
    page_size: int | None = None
    http: list[AnswerEvidence] = field(default_factory=list)

    @property
    def incomplete(self) -> bool:
        """Whether it is sure, from the answer alone, that it is not all."""
        return self.broken or (self.total is not None and self.total != self.rows)

    @property
    def frayed(self) -> bool:
        """Whether its last record may be the begin of one: it has no line end, nor has the body."""
        return self.ends_mid_line and not self.tells_the_end

    @property
    def dropped(self) -> int:
        """Records outside the window."""
        return self.rows - self.events

    def add(self, selected: Selected, size: int) -> None:
        """Add the records of one block, whose events took `size` bytes of the spool."""
        self.events += len(selected.records)
        self.bytes += size
        self.digest = combine(self.digest, multiset_sum(selected.records))
        self._add_ends(selected)
        if self.closing is not None:
            self.rises += selected.opening > self.closing
            self.falls += selected.opening < self.closing
        self.rises += selected.rises
        self.falls += selected.falls
        self.closing = selected.closing
        self.earliest = _least(self.earliest, selected.earliest)
        self.latest = _most(self.latest, selected.latest)
        self.at_after |= selected.earliest == self.asked.after
        self.at_before |= selected.latest == self.asked.before

    def _add_ends(self, selected: Selected) -> None:
        first, last = _least(self.first, selected.first), _most(self.last, selected.last)
        if self.first != first:
            self.at_first = 0
        if self.last != last:
            self.at_last = 0
        if selected.first == first:
            self.at_first = combine(self.at_first, multiset_sum(selected.at_first))
        if selected.last == last:
            self.at_last = combine(self.at_last, multiset_sum(selected.at_last))
        self.first, self.last = first, last


Read: TypeAlias = Callable[[Window, Asked, Spool], Answer]
"""Reads a window with these bounds; appends the records inside it to the spool."""


def _least(one: Instant | None, other: Instant | None) -> Instant | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _most(one: Instant | None, other: Instant | None) -> Instant | None:
    return max((each for each in (one, other) if each is not None), default=None)
