"""Proving that an answer is complete, or reading it in parts that are.

An answer may have been cut short (a body that ends when the connection closes cannot tell) or
capped (the source leaves out what is beyond a number of rows, and says nothing). Asking the
same again proves nothing, since it meets the same cut and the same cap. What proves:

- *total*: the source says how many records there are, and that many came.
- *framed*: every body told its own end, and there are fewer rows than a cap would leave.
- *halves*: the parts of the range, read separately, are together the whole, and each of them is
  smaller than the whole. Had the whole met a limit, then no smaller part met it, so the parts
  would be more than the whole.
- where all records have one timestamp, or there are none, no parts are smaller. Then a wider
  range is asked: its records inside the window must be the same, and it must be larger. If
  bodies do not tell their end, it is read in parts around the window, which must be the whole.
- *followed*: bodies do not tell their end, but they are in order, and a record from behind the
  window comes after all of its own; see `synclog.exporter.source.following`.
- where bodies do not tell their end and no record is behind the window, halves or surroundings
  must agree, and the first and the last records must be the same when asked for alone: something
  may cut a record from the end of every body.

Parts that disagree with the whole are proven for themselves, down to one millisecond; one that
is still too full cannot be proven, and is an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from synclog.exporter.errors import UnprovenError
from synclog.exporter.source.answer import Answer, Asked, Discarded, Read, Spool
from synclog.exporter.source.digest import combine
from synclog.exporter.source.evidence import Proof
from synclog.exporter.source.following import WIDENINGS, Following, Verdict
from synclog.exporter.source.halving import closely, is_streamed, parts_of
from synclog.windows import HOUR, SECOND, Instant, Window, format_time

_ROUND = 100
_ROUND_BELOW = 10_000
"""Fewer rows than this, and a multiple of 100 of them, is what a low cap would leave. A total may
be counted behind the same cap."""
_MANY = 64
"""So many records in no order of time hardly all come before the one where an answer breaks off."""
_OTHER_ROUTE = (
    ". The answers end when the connection closes, without Content-Length or chunks, as a proxy "
    "may make them: ask without it, or set source.format to JSON, whose pages tell their end"
)


@dataclass(frozen=True, slots=True)
class Proven:
    """Answers that are together complete, in order; their records are in the spool."""

    answers: list[Answer]
    proof: Proof


class Prover:
    """Reads windows until they are proven.

    Args:
        read: reads one range.
        spool: takes the records of what was proven.
        cap: a number of rows from which on an answer may have met a cap.
        known: the oldest and the newest instant that it makes sense to ask for.
    """

    def __init__(self, read: Read, spool: Spool, *, cap: int, known: Window) -> None:
        self._following = Following(read, known)
        self._read = self._following.read
        self._spool = spool
        self._cap = cap
        self._known = known
        self._cuts: set[Instant] = set()
        """Edges of parts that cut a second."""

    def prove(self, window: Window) -> Proven:
        """Read a window; on return the spool has its records, proven complete.

        Raises:
            UnprovenError: no way to prove it is left; the message says why.
            ExportError: as the reading.
        """
        base = self._spool.tell()
        return self._settle(self._read(window, Asked.around(window), self._spool), base)

    def _settle(self, whole: Answer, base: int) -> Proven:
        """Prove an answer whose records are in the spool from `base` on, the last ones there."""
        proof = self._by_itself(whole)
        if proof is not None and not self._suspect(whole):
            return Proven([whole], proof)
        streamed = is_streamed(whole)
        # A full answer, or one with a round number of records, may show the newest ones only.
        capped = self._suspect(whole) or whole.rows >= self._cap
        verdict = self._following.verdict(whole) if streamed else Verdict.OPEN
        if verdict is Verdict.FOLLOWED and not capped:
            return Proven([whole], Proof.FOLLOWED)
        if verdict is Verdict.HIDDEN:
            raise _disagreement(whole)
        agrees = verdict is not Verdict.LACKING
        lacks = not agrees
        if agrees and streamed and self._following.is_unordered:
            beside = self._agrees_beside(whole)
            agrees, lacks = beside is True, beside is False
        if whole.first != whole.last:
            return self._in_parts(whole, base, agrees=agrees)
        if agrees and (self._by_surroundings(whole) if streamed else self._by_others(whole)):
            return Proven([whole], Proof.HALVES)
        if whole.events >= self._cap:
            raise self._unprovable(whole)  # all in one millisecond, and parts would not help
        # Where rows beside the window fill the answer, smaller parts have fewer of them.
        filled = whole.rows >= self._cap or (self._suspect(whole) and whole.dropped > 0)
        divisible = whole.incomplete or whole.frayed or whole.shuffled or filled or not agrees
        if whole.window.length > 1 and divisible:
            return self._in_parts(whole, base, agrees=agrees)
        raise _disagreement(whole) if lacks else self._unprovable(whole)

    def _by_itself(self, answer: Answer) -> Proof | None:
        if answer.blank or answer.incomplete or answer.ends_mid_line:
            return None
        if not answer.tells_the_end or answer.rows >= self._cap:
            return None
        return Proof.FRAMED if answer.total is None else Proof.TOTAL

    @staticmethod
    def _suspect(answer: Answer) -> bool:
        return 0 < answer.rows < _ROUND_BELOW and answer.rows % _ROUND == 0

    def _in_parts(self, whole: Answer, base: int, *, agrees: bool) -> Proven:
        self._spool.truncate(base)
        windows = list(parts_of(whole))
        read: list[tuple[Answer, int]] = []
        self._cuts.update(part.start for part in windows[1:] if part.start % SECOND)
        for window in windows:
            at = self._spool.tell()
            read.append((self._read_part(window, self._bounds(window, whole)), at))
        answers = [answer for answer, _ in read]
        smaller = len(answers) > 1 and all(_is_smaller(answer, whole) for answer in answers)
        if agrees and smaller and _is_together(whole, answers) and self._keeps_ends(whole):
            return Proven(answers, Proof.HALVES)
        proven = self._each(read)
        self._check_nothing_lacks(whole, proven)
        return proven

    def _bounds(self, part: Window, whole: Answer) -> Asked:
        """Bounds for a part: with no margin where it cuts a second, so that strays show."""
        wide = closely(part, whole) or Asked.around(part)
        return Asked(
            part.start - 1 if part.start in self._cuts else wide.after,
            part.end if part.end in self._cuts else wide.before,
        )

    def _read_part(self, window: Window, asked: Asked) -> Answer:
        """Read a part; one that cuts a second must show no record from before its bounds.

        The source shows that one with fewer digits than it selects by: it belongs into the part
        before, which is not asked for as far as that.
        """
        answer = self._read(window, asked, self._spool)
        strays = answer.earliest is not None and answer.earliest < asked.after
        if window.start in self._cuts and strays:
            raise UnprovenError(
                "AnswersDisagree",
                f"asked for {window}, the source shows a record of "
                f"{format_time(answer.earliest or 0)}: it selects by finer times than it shows, "
                "so that a second cannot be halved. If the source has no cap at "
                f"{self._cap} rows, set source.maxRowsPerAnswer higher",
            )
        return answer

    def _check_nothing_lacks(self, whole: Answer, proven: Proven) -> None:
        """See that the parts have as many records as the whole showed, whatever it lacked itself.

        Fewer are in order only where pages moved, so that the whole may show one twice, or where
        the source forgets them meanwhile.
        """
        moved = whole.broken and whole.page_size is not None
        if moved or whole.first is None or whole.first < self._known.start + HOUR:
            return
        events = sum(answer.events for answer in proven.answers)
        if events < whole.events:
            raise UnprovenError(
                "AnswersDisagree",
                f"{whole.window} has {whole.events} records when it is asked for as a whole, and "
                f"{events} when it is asked for in parts: the source selects by other times than "
                "it shows, or its records vanish",
            )

    def _each(self, read: list[tuple[Answer, int]]) -> Proven:
        """Prove each part for itself; what is in the spool after a part is read again."""
        proven: list[Answer] = []
        proof = Proof.HALVES
        fresh = True
        for answer, at in read:
            if fresh and self._by_itself(answer) is not None and not self._suspect(answer):
                proven.append(answer)
                continue
            if fresh:
                self._spool.truncate(at + answer.bytes)
                part = self._settle(answer, at)
                fresh = False
            else:
                base = self._spool.tell()
                part = self._settle(self._read_part(answer.window, answer.asked), base)
            proven += part.answers
        return Proven(proven, proof)

    def _by_others(self, answer: Answer) -> bool:
        return self._by_wider(answer) or self._by_habit(answer)

    def _by_habit(self, answer: Answer) -> bool:
        """Whether a body ends without a line end only as bodies of this source do.

        One without records says so: cut at the same place, the longer one would be as short.
        """
        full = self._suspect(answer) or answer.rows >= self._cap or answer.incomplete
        if not answer.ends_mid_line or not answer.tells_the_end or full or answer.last is None:
            return False
        start = answer.last + SECOND
        window = Window(start, max(self._known.end, start + 1))
        bare = self._aside(window, Asked(window.start, window.end))
        return not bare.rows and not bare.blank and bare.ends_mid_line

    def _by_wider(self, answer: Answer) -> bool:
        """Whether a wider and larger answer has the same records inside the window."""
        window = answer.window
        for asked in self._widened(answer):
            wider = self._read(window, asked, Discarded())
            same = (wider.events, wider.digest) == (answer.events, answer.digest)
            # One that shows fewer met a limit itself, and says nothing.
            vague = wider.incomplete or wider.shuffled
            if not same and wider.events >= answer.events and not vague:
                raise UnprovenError(
                    "AnswersDisagree",
                    f"{window} has {answer.events} records when asked for alone, and "
                    f"{wider.events} when a wider range is asked for",
                )
            larger = wider.rows > answer.rows and wider.served > answer.served
            # One that is cut itself says nothing about a window in which it shows nothing.
            if same and larger and (answer.events or not wider.incomplete):
                return True
        return False

    def _by_surroundings(self, answer: Answer) -> bool:
        """Whether a wider range is what is before the window, in it and after it, and larger."""
        for asked in self._widened(answer):
            whole = self._aside(Window(asked.after, asked.before))
            if whole.events <= answer.events or whole.rows >= self._cap:
                continue
            if _is_smaller(answer, whole) and self._is_amid(answer, whole):
                return self._keeps_ends(whole)
        return False

    def _agrees_beside(self, answer: Answer) -> bool | None:
        """Whether many records beside the window come as well when it is asked for with them.

        In no order of time, what breaks an answer off amid the window hides some of them. None
        where all that is wider may have met a cap.
        """
        larger: Answer | None = None
        capped = answer.rows >= self._cap
        for asked in self._widened(answer):
            wide = self._aside(Window(asked.after, asked.before))
            capped = wide.rows >= self._cap
            if capped:
                break
            if wide.events > answer.events:
                larger = wide
            if wide.events >= answer.events + _MANY:
                break
        if larger is None:
            return None if capped else True
        return self._is_amid(answer, larger)

    def _is_amid(self, answer: Answer, whole: Answer) -> bool:
        """Whether an answer is together with what is before and after it a wider one."""
        window, wide = answer.window, whole.window
        beside = [(wide.start, window.start), (window.end, wide.end)]
        windows = [Window(*edges) for edges in beside if edges[0] < edges[1]]
        parts = [self._aside(each, closely(each, whole)) for each in windows]
        return _is_together(whole, [answer, *parts])

    def _keeps_ends(self, answer: Answer) -> bool:
        """Whether the first and the last records are the same when asked for alone.

        One of them stands amid the answer, so that whatever takes something off each end shows.
        """
        if not is_streamed(answer):
            return True
        ends = {(answer.first, answer.at_first), (answer.last, answer.at_last)}
        return all(at is None or self._alone(at) == digest for at, digest in ends)

    def _alone(self, at: Instant) -> int:
        """The digest of the records of one instant, with no others behind them if possible."""
        window = Window(at, at + 1)
        # A source that shows whole seconds may itself know finer times.
        for before in (at, at + 1, at + SECOND):
            answer = self._read(window, Asked(at - 1, before), Discarded())
            if answer.events or (before > at and at % SECOND):
                return answer.digest
        return 0

    def _aside(self, window: Window, asked: Asked | None = None) -> Answer:
        return self._read(window, asked or Asked.around(window), Discarded())

    def _widened(self, answer: Answer) -> Iterator[Asked]:
        """Wider and wider bounds, for an answer that is not known to lack something."""
        if answer.incomplete or answer.shuffled or answer.rows >= self._cap:
            return
        window = answer.window
        shorter = (window.length, 4 * window.length)
        for margin in sorted({*shorter, *WIDENINGS}):
            yield Asked(
                max(window.start - margin, min(self._known.start, answer.asked.after)),
                min(window.end + margin, max(self._known.end, answer.asked.before)),
            )

    def _unprovable(self, answer: Answer) -> UnprovenError:
        if answer.blank:
            return UnprovenError(
                "EmptyAnswer",
                f"the answer for {answer.window} is empty, without even a header, and so is every "
                "wider one: nothing says that there are no records",
            )
        if answer.rows >= self._cap:
            at = format_time(answer.window.start if answer.first is None else answer.first)
            return UnprovenError(
                "MillisecondTooFull",
                f"the single millisecond {at} has {answer.rows} rows, as many as a cap of the "
                f"source may leave (source.maxRowsPerAnswer is {self._cap}), and a millisecond "
                "cannot be halved. If the source has no cap there, set it higher",
            )
        if self._suspect(answer):
            return UnprovenError(
                "MillisecondTooFull",
                f"{answer.window} has {answer.rows} rows, a round number as a cap of the source "
                "would leave, and no wider answer has more; when the source has more events, it "
                "can be told",
            )
        if answer.page_size is not None and answer.window.length == 1 and not answer.incomplete:
            return UnprovenError(
                "MillisecondTooFull",
                f"{answer.window} has {answer.events} records on several pages, some of them "
                "alike, and the source lists them in another order from page to page; a "
                "millisecond cannot be halved. A larger source.pageSize may help",
            )
        return UnprovenError(
            "Unproven",
            f"the answer for {answer.window} has {answer.rows} rows"
            + (f" of {answer.total}" if answer.total is not None else "")
            + ", and nothing proves that these are all: "
            + (
                "it is cut short, or its pages change from one reading to the next"
                if answer.incomplete
                else (
                    "it does not tell its own end"
                    if not answer.tells_the_end
                    else "its last record has no line end"
                )
                + ", and no larger answer can be compared with it. An event at another time helps: "
                "ask for a window that has one, or try again when there is one"
                + (_OTHER_ROUTE if is_streamed(answer) else "")
            ),
        )


def _disagreement(answer: Answer) -> UnprovenError:
    return UnprovenError(
        "AnswersDisagree",
        f"the answers for {answer.window} and for ranges beside it disagree: something breaks "
        "answers off, and hides the records behind that place" + _OTHER_ROUTE,
    )


def _is_smaller(part: Answer, whole: Answer) -> bool:
    return part.rows < whole.rows and part.served < whole.served


def _is_together(whole: Answer, parts: list[Answer]) -> bool:
    answers = (whole, *parts)
    return (
        not any(answer.incomplete or answer.shuffled for answer in answers)
        # Where all end without a line end it is the source's habit. Then the last record of one
        # part is amid the whole, so it is not the begin of a record.
        and len({answer.ends_mid_line for answer in answers if answer.rows}) <= 1
        and sum(part.events for part in parts) == whole.events
        and combine(*(part.digest for part in parts)) == whole.digest
    )
