"""What stands behind the last record: the proof for bodies that do not tell their end.

Whatever cuts a body takes its end away. So in an answer in order of time, a record behind the
window says that nothing before it is missing. It is asked for from the last record of the window
on: that record must come again, then nothing of the window, then a later one.

Where nothing is later, this proves nothing. Then ranges that begin later and later are asked for:
had one of them a record, then something breaks each answer off before it. What they cannot show is
records with the same timestamp as the one at which answers break off.

Some sources list the newest record first. There it is the same with older records.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from synclog.exporter.source.answer import Answer, Asked, Discarded, Read, Spool
from synclog.windows import HOUR, MINUTE, SECOND, Instant, Window

WIDENINGS = (MINUTE, 10 * MINUTE, HOUR, 8 * HOUR, 64 * HOUR, 512 * HOUR, 4096 * HOUR)
"""How much wider than a window is asked for, to find records beside it."""
_SURE = 8
"""So many records, each later than the one before, are no accident of another order."""
_LAST_STEP = 64
"""Milliseconds of the shortest range in which hidden records are looked for."""


class Verdict(Enum):
    """What the records behind the last one say of an answer."""

    FOLLOWED = "followed"
    """Nothing is missing."""
    OPEN = "open"
    """No record is behind it, or the order of records is not known well enough."""
    LACKING = "lacking"
    """Answers disagree: something takes records away; smaller parts may have all of theirs."""
    HIDDEN = "hidden"
    """Something breaks each answer off behind the last record, and there are later ones."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a window, where a source that lists its records towards it goes on."""

    rest: Window
    """The window from its last record on."""
    near: Instant
    """Bound to ask for, so that the last record comes."""
    far: Instant
    """Bound beyond which there are no records."""
    digest: int
    """Digest of the records at the begin of the rest."""

    @property
    def _later(self) -> bool:
        return self.near < self.far

    def asked(self, margin: int) -> Asked:
        """Bounds from the last record on, so much beyond the window."""
        if self._later:
            return Asked(self.near, min(self.rest.end + margin, self.far))
        return Asked(max(self.rest.start - margin, self.far), self.near)

    def beyond(self, at: Instant) -> Asked:
        """Bounds from an instant on, as far as there may be records."""
        return Asked(at, self.far) if self._later else Asked(self.far, at)

    def is_followed(self, answer: Answer) -> bool:
        """Whether there is a record beyond the window."""
        if self._later:
            return answer.latest is not None and answer.latest >= self.rest.end
        return answer.earliest is not None and answer.earliest < self.rest.start

    def shows_more(self, answer: Answer) -> bool:
        """Whether there is a record beyond the last one of the window."""
        if self._later:
            return answer.latest is not None and answer.latest > self.rest.start
        return answer.earliest is not None and answer.earliest < self.rest.end - 1

    def probes(self) -> Iterator[Instant]:
        """Instants from the last record to far: many at both ends, few between."""
        begin = self.rest.start if self._later else self.rest.end
        length = abs(self.far - begin)
        distances = set()
        step = 1
        while step < length:
            distances |= {step, length - max(step, _LAST_STEP)}
            step *= 2
        for distance in sorted(each for each in distances if each > 0):
            yield begin + (distance if self._later else -distance)


class Following:
    """Looks for records behind the last one of an answer.

    Args:
        read: reads one range.
        known: the oldest and the newest instant that it makes sense to ask for.
    """

    def __init__(self, read: Read, known: Window) -> None:
        self._read = read
        self._known = known
        self._rises = 0
        self._falls = 0

    def read(self, window: Window, asked: Asked, spool: Spool) -> Answer:
        """Read one range, and learn in which order the source lists its records."""
        answer = self._read(window, asked, spool)
        self._rises += answer.rises
        self._falls += answer.falls
        return answer

    def verdict(self, answer: Answer) -> Verdict:
        """What the records behind the last one say."""
        if answer.incomplete:
            return Verdict.LACKING
        likely = self._newest_first
        for newest_first in (likely, not likely):
            side = self._earlier(answer) if newest_first else self._later(answer)
            found = self._behind(side)
            is_known = self._is_sure and newest_first is self._newest_first
            if found in (Verdict.LACKING, Verdict.HIDDEN) or is_known:
                return found
        return Verdict.OPEN

    @property
    def is_unordered(self) -> bool:
        """Whether the source lists its records in no order of time."""
        return self._rises > 0 and self._falls > 0

    @property
    def _newest_first(self) -> bool:
        return self._falls > self._rises

    @property
    def _is_sure(self) -> bool:
        """Whether the order of the source is known."""
        return self._rises + self._falls >= _SURE and not self.is_unordered

    def _later(self, answer: Answer) -> _Side:
        window, last = answer.window, answer.last
        start = window.start if last is None else last
        return _Side(
            rest=Window(start, window.end),
            near=start - 1,
            far=max(self._known.end, answer.asked.before),
            digest=answer.at_last,
        )

    def _earlier(self, answer: Answer) -> _Side:
        window, first = answer.window, answer.first
        end = window.end if first is None else first + 1
        return _Side(
            rest=Window(window.start, end),
            # What is shown as a whole second may be later within it.
            near=end if (end - 1) % SECOND else end + SECOND,
            far=min(self._known.start, answer.asked.after),
            digest=answer.at_first,
        )

    def _behind(self, side: _Side) -> Verdict:
        for margin in WIDENINGS:
            asked = side.asked(margin)
            tail = self.read(side.rest, asked, Discarded())
            if tail.digest != side.digest:
                return Verdict.LACKING
            if side.is_followed(tail):
                ordered = not (tail.falls if asked.after == side.near else tail.rises)
                return Verdict.FOLLOWED if ordered else Verdict.OPEN
            if side.far in (asked.after, asked.before):
                break
        if any(side.shows_more(self._probe(side, at)) for at in side.probes()):
            # It may have become visible just now. Then it comes in the answer before, too.
            tail = self.read(side.rest, side.beyond(side.near), Discarded())
            if not side.shows_more(tail):
                return Verdict.HIDDEN
        return Verdict.OPEN

    def _probe(self, side: _Side, at: Instant) -> Answer:
        return self.read(side.rest, side.beyond(at), Discarded())
