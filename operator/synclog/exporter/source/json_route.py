"""The JSON route: pages by number, several under way at once, until one says there are no more.

A page is read as the last one only when it is an empty list, when it is the known envelope
without its list, or when as many records came as the source says there are and the page is not
full (a total that is too low would hide the page behind it). A short page is never the end by
itself: the source may cap the size of pages.

Pages by number are only as stable as what they number. So a reading is done again when it
shows that something moved: the total changed, times go backwards from one page to the next,
the first page is not the same in the end. Where records with one timestamp stand on both sides
of a page's end, the source may order them differently for each page, and show one twice and
another never; that millisecond is asked for by itself and compared. Where it has several pages
by itself too, its records must all be different (then none was shown twice), or come again the
same in the other order and with other pages.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from synclog.api.source import Sort, SortColumn, SortDirection, Source
from synclog.exporter.errors import AnswerError, ConfigurationError, ExportError
from synclog.exporter.source.answer import Answer, Asked, Progress, Spool
from synclog.exporter.source.digest import multiset_sum
from synclog.exporter.source.envelope import Envelope, read_page
from synclog.exporter.source.evidence import AnswerEvidence
from synclog.exporter.source.following import WIDENINGS
from synclog.exporter.source.json_records import JsonRecords
from synclog.exporter.source.page_doubts import is_one_page, is_whole
from synclog.exporter.source.paging import MovedError, Paging, Served, Tie, before_its_end
from synclog.exporter.source.timestamps import Timestamps
from synclog.exporter.source.transport import Head, Transport
from synclog.windows import SECOND, Window, format_time

_ACCEPT = "application/json"
_PAGE_SIZE = 500
_SMALL_PAGE = 100
_PAGE_LIMIT = 64 * 1024 * 1024
_AT_ONCE = 16
_READINGS = 3
_FAR = 1_000_000
_NO_SUCH_PAGE = frozenset((400, 404, 416))


class JsonRoute:
    """Reads ranges of the Sync Log as JSON.

    Args:
        transport: talks to the source.
        source: the resource's source: path, sort and page size.
        timestamps: how times are read.
    """

    def __init__(self, transport: Transport, source: Source, timestamps: Timestamps) -> None:
        self._transport = transport
        self._path = source.path
        self._sort = source.sort or Sort()
        self._size = source.page_size or _PAGE_SIZE
        self._records = JsonRecords(timestamps)
        self._envelope: Envelope | None = None
        self._base: int | None = None
        self._totals: bool | None = None  # whether totals are of all pages, once it is known
        self._full = 0  # the most records of a page so far
        limit = source.requests_per_minute
        # Pages under way beyond the last one are wasted, which a limited source would feel.
        self._at_once = _AT_ONCE if limit is None else min(max(limit // 60, 1), _AT_ONCE)
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="page")

    def close(self) -> None:
        """Wait for pages that are under way."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def header(self) -> bytes:
        """JSON has no header."""
        return b""

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of all records so far, sorted."""
        return tuple(sorted(self._records.keys))

    def read(self, window: Window, asked: Asked, spool: Spool, progress: Progress) -> Answer:
        """Ask with these bounds; the records inside the window are appended to the spool.

        Raises:
            AnswerError: a page cannot be read safely, or page numbers have no effect.
            ExportError: as `Transport.get`.
        """
        base = spool.tell()
        answer = Answer(window, asked)
        for _ in range(_READINGS):
            spool.truncate(base)
            answer = Answer(window, asked)
            try:
                self._take(answer, spool, progress)
            except MovedError:
                answer.broken = True
            else:
                break
        return answer

    def _take(self, answer: Answer, spool: Spool, progress: Progress) -> None:
        first = self._first_page(answer.asked)
        reading = Paging(
            answer,
            self._sort,
            self._records,
            totals=self._totals,
            full=self._full,
            ends=lambda at: self._ends(answer.asked, at),
        )
        for served in self._pages(answer.asked, first):
            self._learn(served, answer)
            done = reading.take(served, spool)
            self._totals, self._full = reading.totals, reading.full
            progress(answer.events, answer.bytes)
            if done:
                break
        answer.page_base = self._base
        self._check_ties(answer, reading.ties())
        if len(answer.http) > 2 and answer.total is None:
            again = self._fetch(answer.asked, first.number)
            if reading.settled(again) != reading.settled(first):
                raise MovedError

    def _ends(self, asked: Asked, number: int) -> bool:
        """Whether there are no pages far behind one: page numbers have an effect."""
        return not self._fetch(asked, number + _FAR).records

    def _check_ties(self, answer: Answer, ties: list[Tie]) -> None:
        """Ask for each millisecond that stands on both sides of a page's end by itself."""
        verdicts = list(self._pool.map(self._holds, ties))
        if False in verdicts:
            raise MovedError
        found = zip(ties, verdicts, strict=True)
        open_ones = [(tie, each) for tie, each in found if not isinstance(each, bool)]
        if not all(self._is_whole(tie, asked) for tie, asked in open_ones):
            # To be proven in parts, each by itself.
            answer.tells_the_end, answer.shuffled = False, True

    def _holds(self, tie: Tie) -> bool | Asked:
        """Whether a millisecond has the same records by itself; its bounds if that has pages too.

        One that is shown as a whole second may be the second: the source may know finer times.
        """
        asked = Asked.closely(Window(tie.instant, tie.instant + 1))
        bounds = [asked]
        if tie.instant % SECOND == 0:
            bounds.append(Asked(asked.after, tie.instant + SECOND))
        verdicts = (self._holds_within(tie, asked) for asked in bounds)
        return next((verdict for verdict in verdicts if verdict is not False), False)

    def _holds_within(self, tie: Tie, asked: Asked) -> bool | Asked:
        window = Window(tie.instant, tie.instant + 1)
        served = self._fetch(asked, self._base or 0)
        page = served.page
        if page is None or not page.records:
            return False
        if self._totals is True and page.total is not None:
            if page.total != len(page.records):
                return asked
        elif self._fetch(asked, served.number + 1).records:
            return asked
        selected = self._records.read(page.records).select(window)
        return multiset_sum(selected.records) == multiset_sum(tie.lines)

    def _is_whole(self, tie: Tie, asked: Asked) -> bool:
        window = Window(tie.instant, tie.instant + 1)

        def fetch(number: int, size: int, direction: SortDirection) -> list[bytes]:
            records = self._fetch(asked, number, size, direction).records
            return self._records.read(records).select(window).records if records else []

        return is_whole(tie.lines, self._base or 0, fetch)

    def _learn(self, served: Served, answer: Answer) -> None:
        page = served.page
        if page is None:
            return
        if page.records:
            self._envelope = self._envelope or page.envelope
        elif self._envelope is None and not page.understood:
            answer.blank = True

    # Which pages.

    def _first_page(self, asked: Asked) -> Served:
        """The first page; which number it has is learned once."""
        if self._base is not None:
            return self._fetch(asked, self._base)
        one = self._fetch(asked, 1)
        zero = self._fetch(asked, 0)
        if zero.records and (not one.records or self._are_two(zero, one)):
            self._base = 0
            return zero
        if one.records:
            self._base = self._learned_base(asked, one) if zero.records else 1
            return one if self._base else zero
        # Without records, the page that the source knows says so.
        return zero if one.page is None else one

    def _are_two(self, zero: Served, one: Served) -> bool:
        """Whether two pages differ by more than the order of the millisecond at their end.

        The source may order that one anew for each answer, and so show one page in two ways.
        """
        if zero.digest == one.digest:
            return False
        if self._sort.column is not SortColumn.LOG_EVENT_TIME_STAMP:
            return True
        settled = before_its_end(zero, self._records)
        again = before_its_end(one, self._records)
        return not settled or multiset_sum(settled) != multiset_sum(again)

    def _learned_base(self, asked: Asked, one: Served) -> int:
        """The number of the first page, where pages 0 and 1 are alike."""
        if self._is_one_page(asked, one):
            return 1
        for margin in WIDENINGS:
            wider = Asked(asked.after - margin, asked.before + margin)
            beside, before = self._fetch(wider, 1), self._fetch(wider, 0)
            if before.records and (not beside.records or self._are_two(before, beside)):
                return 0
            if beside.records and self._is_one_page(wider, beside):
                return 1
        told_one = one.page is not None and one.page.total == len(one.records) == 1
        if told_one and not self._fetch(asked, 2).records:
            return 1
        raise AnswerError(
            "RepeatedPage",
            "pages 0 and 1 have the same records, and nothing tells whether that is one page or "
            "two; when the source has an event at another time, it can be told, and another "
            "source.pageSize may tell",
        )

    def _is_one_page(self, asked: Asked, one: Served) -> bool:
        times = self._records.read(one.records).instants
        by_time = self._sort.column is SortColumn.LOG_EVENT_TIME_STAMP
        # Two pages alike have one time.
        if by_time and times.min() < times.max():
            return True
        return is_one_page(one.records, lambda at, size: self._fetch(asked, at, size).records)

    def _pages(self, asked: Asked, first: Served) -> Iterator[Served]:
        """Pages in order, for as long as they are wanted; more and more under way at once."""
        if first.page is None:
            raise _refusal(first)
        yield first
        under_way: deque[Future[Served]] = deque()
        number = first.number
        at_once = 1
        most = self._pages_left(first)
        try:
            while True:
                while len(under_way) < min(at_once, most):
                    number += 1
                    under_way.append(self._pool.submit(self._fetch, asked, number))
                yield under_way.popleft().result()
                most = max(most - 1, 1)
                at_once = min(at_once * 2, self._at_once)
        finally:
            for future in under_way:
                future.cancel()

    def _pages_left(self, first: Served) -> int:
        """How many pages there may be after the first; many where nothing is known."""
        page = first.page
        if page is None or page.total is None or not page.records or self._totals is False:
            return 1 << 30
        return max(-(-page.total // len(page.records)) - 1, 1)

    # One page.

    def _fetch(
        self,
        asked: Asked,
        number: int,
        size: int | None = None,
        direction: SortDirection | None = None,
    ) -> Served:
        params = {
            "eventOccurredAfter": format_time(asked.after),
            "eventOccurredBefore": format_time(asked.before),
            "sortColumn": self._sort.column.value,
            "sortDirection": (direction or self._sort.direction).value,
            "page[number]": str(number),
            "page[size]": str(size or self._size),
        }

        def consume(head: Head, blocks: Iterator[bytes]) -> Served:
            body = _joined(blocks)
            page, problem = None, ""
            if head.status != 200:
                problem = self._transport.describe(body)
            else:
                if "html" in head.content_type:
                    raise AnswerError(
                        "UnexpectedContent",
                        f"the source answered 200 with {head.content_type} instead of JSON; that "
                        "is what a login page or a proxy does. Check source.url, source.path and "
                        "source.proxy",
                    )
                page = read_page(body, self._envelope)
            records = page.records if page else []
            evidence = AnswerEvidence(
                query=head.query,
                status=head.status,
                date=head.date,
                framing=head.framing.value,
                rows=len(records),
                bytes=len(body),
            )
            return Served(number, head.status, page, multiset_sum(records), evidence, problem)

        served = self._transport.get(self._path, params, _ACCEPT, consume, also=_NO_SUCH_PAGE)
        if served.status == 400 and self._size > _SMALL_PAGE and number == 1 and size is None:
            self._size = _SMALL_PAGE
            return self._fetch(asked, number)
        return served


def _refusal(served: Served) -> ExportError:
    said = f"the source answers {served.status} to the first page: {served.problem}"
    if served.status == 404:
        return ConfigurationError("NoSuchPath", f"{said}. Check source.url and source.path")
    return AnswerError("UnexpectedStatus", said)


def _joined(blocks: Iterator[bytes]) -> bytes:
    body = bytearray()
    for block in blocks:
        body += block
        if len(body) > _PAGE_LIMIT:
            raise AnswerError(
                "PageTooLarge",
                f"a page is larger than {_PAGE_LIMIT} bytes; set source.pageSize to a lower value",
            )
    return bytes(body)
