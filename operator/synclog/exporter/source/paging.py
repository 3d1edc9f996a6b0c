"""One pass over the pages of an answer, and what shows that they moved meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

import numpy as np

from synclog.api.source import Sort, SortColumn, SortDirection
from synclog.exporter.errors import AnswerError
from synclog.exporter.source.answer import Answer, Spool
from synclog.exporter.source.digest import multiset_sum
from synclog.exporter.source.envelope import Page
from synclog.exporter.source.evidence import AnswerEvidence
from synclog.exporter.source.json_records import JsonRecords, Rows
from synclog.windows import Instant

_MANY_PAGES = 64


@dataclass(frozen=True, slots=True)
class Served:
    """One page as served; `page` is None where the source knows no such page."""

    number: int
    status: int
    page: Page | None
    digest: int
    evidence: AnswerEvidence
    problem: str
    """What the source says where it knows no such page."""

    @property
    def records(self) -> list[bytes]:
        """What is on it."""
        return self.page.records if self.page else []


@dataclass(frozen=True, slots=True)
class Tie:
    """The records of one millisecond that stand on both sides of a page's end."""

    instant: Instant
    lines: list[bytes]


class MovedError(Exception):
    """Raised when pages changed while they were read."""


def before_its_end(served: Served, records: JsonRecords) -> list[bytes]:
    """The records of a page but those of its last millisecond, which may go on behind it."""
    rows = records.read(served.records)
    return list(compress(rows.lines, (rows.instants != rows.instants[-1]).tolist()))


class Paging:
    """One pass over the pages of an answer.

    Args:
        answer: what the pages come to.
        sort: what was asked for.
        records: reads them.
        totals: whether a total counts the records of all pages; None where that is not known.
        full: the most records that a page was seen to have.
        ends: whether there are no pages far behind the one with this number.
    """

    def __init__(
        self,
        answer: Answer,
        sort: Sort,
        records: JsonRecords,
        *,
        totals: bool | None,
        full: int,
        ends: Callable[[int], bool],
    ) -> None:
        self.totals = totals
        self.full = full
        self._ends = ends
        self._answer = answer
        self._by_time = sort.column is SortColumn.LOG_EVENT_TIME_STAMP
        self._sign = -1 if sort.direction is SortDirection.DESC else 1
        self._records = records
        self._before: Served | None = None
        self._last: Tie | None = None
        self._ties: dict[Instant, Tie] = {}
        self._known_to_end: bool | None = None

    def take(self, served: Served, spool: Spool) -> bool:
        """Take a page; true when it was the last one.

        Raises:
            AnswerError: the page is the one before again.
            MovedError: the pages changed while they were read.
        """
        answer, page = self._answer, served.page
        answer.http.append(served.evidence)
        answer.served += served.evidence.bytes
        if page is None:
            # No such page: the end, but from an answer that a proxy could give as well.
            answer.tells_the_end = answer.total == answer.rows
            return True
        if page.warned:
            answer.tells_the_end = False
        self._take_total(page)
        if not page.records:
            return True
        before = self._before
        reached = self.totals is True and answer.total == answer.rows
        if reached and before is not None and before.digest == served.digest:
            return True  # the source shows its last page for what is behind it
        if before is not None and before.digest == served.digest and not self._is_burst(served):
            raise AnswerError(
                "RepeatedPage",
                f"page {served.number} is the same as page {before.number}: the source "
                "ignores page[number], or repeats pages",
            )
        self._add(page, spool)
        self._before = served
        self._check_number_heeded(served.number)
        self.full = max(self.full, len(page.records))
        # Behind a full page there may be another one, if the total is too low.
        short = len(page.records) < self.full
        return short and self.totals is True and answer.total == answer.rows

    def settled(self, served: Served) -> int:
        """Digest of what must be on a page again: all but a millisecond at its end.

        The source may order that one anew, and `ties` tells whether it goes on.
        """
        if not self._by_time or not served.records:
            return served.digest
        return multiset_sum(before_its_end(served, self._records))

    def _is_burst(self, served: Served) -> bool:
        """Whether a page like the one before is genuine: a millisecond of identical records.

        That they are all there is told later, as of all milliseconds on several pages.
        """
        times = self._records.read(served.records).instants
        one_time = self._by_time and times.min() == times.max()
        return one_time and self._is_known_to_end(served.number)

    def _check_number_heeded(self, number: int) -> None:
        """See now and then that pages end: one in random order never comes again by its look.

        Raises:
            AnswerError: there are records on a page that cannot be.
        """
        answer = self._answer
        total = answer.total if self.totals is True else None
        expected = total is not None and answer.rows <= total
        due = len(answer.http) % _MANY_PAGES == 0
        if due and not expected and not self._is_known_to_end(number):
            raise AnswerError(
                "RepeatedPage",
                f"there are records on page {number}, and on pages far behind any that can be: "
                "the source ignores page[number]",
            )

    def _is_known_to_end(self, number: int) -> bool:
        if self._known_to_end is None:
            self._known_to_end = self._ends(number)
        return self._known_to_end

    def _take_total(self, page: Page) -> None:
        """Learn the total; and whether it counts the records of all pages, or of its own only."""
        answer, count = self._answer, len(page.records)
        if self.totals is not False and page.total is not None:
            if page.total > count > 0:
                self.totals = True
            elif self.totals is None and self._before is not None and page.total == count:
                self.totals = False  # it counts what is on each page
        if self.totals is False:
            answer.total = None
        elif self._before is None:
            answer.total = page.total
        elif answer.total is not None and page.total not in (answer.total, None):
            raise MovedError

    def _add(self, page: Page, spool: Spool) -> None:
        answer = self._answer
        rows = self._records.read(page.records)
        selected = rows.select(answer.window)
        data = b"".join(line + b"\n" for line in selected.records)
        if data:
            spool.write(data)
        answer.rows += len(page.records)
        answer.page_size = max(answer.page_size or 0, len(page.records))
        answer.add(selected, len(data))
        self._check_order(rows)

    def _check_order(self, rows: Rows) -> None:
        """See from the times whether pages may have moved between two answers."""
        begin, end = int(rows.instants[0]), int(rows.instants[-1])
        if (np.diff(rows.instants) * self._sign < 0).any():
            self._by_time = False  # the source does not sort as it was asked
        last = self._last
        if last is not None:
            if not self._by_time:
                self._answer.tells_the_end = False
            elif begin == last.instant:
                last.lines.extend(self._at(begin, rows))
                self._ties[last.instant] = last
            elif (begin - last.instant) * self._sign < 0:
                raise MovedError
        if last is None or end != last.instant:
            self._last = Tie(end, self._at(end, rows))

    @staticmethod
    def _at(instant: Instant, rows: Rows) -> list[bytes]:
        return list(compress(rows.lines, (rows.instants == instant).tolist()))

    def ties(self) -> list[Tie]:
        """The milliseconds of the window that stand on both sides of a page's end."""
        if not self._by_time:
            return []
        return [tie for tie in self._ties.values() if tie.instant in self._answer.window]
