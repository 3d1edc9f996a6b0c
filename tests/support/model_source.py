"""A model of a source that cuts, caps and shows less than it knows, without HTTP or records."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from synclog.exporter.source.answer import Answer, Asked, Spool
from synclog.exporter.source.selection import select
from synclog.windows import Window

ROW = 10
HEADER = 5


@dataclass
class Model:
    """A source with one number for each event: its time."""

    events: list[int]
    row_cap: int | None = None
    byte_cut: int | None = None
    framed: bool = True
    framed_below: int = 0
    """Bodies with fewer rows tell their end in any case, as those that fit into a buffer do."""
    drops: int = 0
    """Bytes that every body lacks at its end."""
    drops_rows: int = 0
    """Rows that every body lacks at its end, wholly."""
    ends_before: int | None = None
    """An event that no body shows, and nothing behind it; bodies end cleanly there."""
    newest_first: bool = False
    no_order: bool = False
    bare: bool = False
    """Whether the last record has no line end."""
    bare_header: bool = False
    """Whether a header without records has none either."""
    tells_total: bool = False
    total_is_capped: bool = True
    shows: Sequence[int] = (1,)
    """It selects by milliseconds, and shows times cut to these, in turn by the event's time."""
    asked: int = 0

    def read(self, window: Window, asked: Asked, spool: Spool) -> Answer:
        self.asked += 1
        first = bisect_left(self.events, asked.after)
        end = bisect_left(self.events, asked.before + 1)
        true = self.events[first:end]
        if self.newest_first:
            true.reverse()
        if self.no_order:
            true.sort(key=lambda event: event * 7919 % 10_007)
        served = true[: self.row_cap]
        if self.ends_before in served:
            served = served[: served.index(self.ends_before)]
        served = served[: max(len(served) - self.drops_rows, 0)]
        framed = self.framed or len(served) < self.framed_below
        answer = Answer(window, asked, tells_the_end=framed)
        size = HEADER + ROW * len(served)
        if self.bare and (served or self.bare_header):
            size -= 1
            answer.ends_mid_line = True
        kept = size - self.drops if self.byte_cut is None else min(size, self.byte_cut)
        if kept < size:
            assert not framed
            size = max(kept, HEADER)
            whole, rest = divmod(size - HEADER, ROW)
            served = served[: whole + (rest == ROW - 1)]
            answer.ends_mid_line = rest > 0
            answer.broken = 0 < rest < ROW - 1
        if self.tells_total:
            answer.total = len(served) if self.total_is_capped else len(true)
        answer.served = size
        answer.rows = len(served)
        if served:
            records = [b"%09d" % event for event in served]
            selected = select(records, list(map(self.shown, served)), window)
            data = b"".join(record + b"\n" for record in selected.records)
            spool.write(data)
            answer.add(selected, len(data))
        return answer

    def shown(self, event: int) -> int:
        """The time that a record says."""
        return event - event % self.shows[event % len(self.shows)]
