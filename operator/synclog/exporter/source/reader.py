"""Reading a window of the source, proven complete, into a spool."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from synclog.api.fields import URL_PATTERN
from synclog.api.source import Source, SourceFormat
from synclog.exporter.errors import AnswerError, ConfigurationError
from synclog.exporter.source.answer import Answer, Asked, Discarded, Progress, Spool
from synclog.exporter.source.clock import Clock, ClockReading, StopSignal, SystemClock
from synclog.exporter.source.credentials import Credentials
from synclog.exporter.source.csv_route import CsvRoute
from synclog.exporter.source.digest import combine, to_hex
from synclog.exporter.source.evidence import ANSWERS_KEPT, AnswerEvidence, Bound, Evidence
from synclog.exporter.source.json_route import JsonRoute
from synclog.exporter.source.proof import Proven, Prover
from synclog.exporter.source.timestamps import Timestamps
from synclog.exporter.source.transport import Counters, Transport
from synclog.windows import Instant, Window, format_time, parse_duration

_URL = re.compile(URL_PATTERN)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one window; its records are in the spool.

    A record of the CSV route is its bytes as served, with a line end (the served one; the
    dialect's where the answer ended without). A record of the JSON route is one object as
    served, on a line.
    """

    header: bytes
    """CSV: the header record as served, with its line end, without BOM. JSON: empty."""
    columns: tuple[str, ...]
    """CSV: the names in the header. JSON: the keys that were seen, sorted."""
    events: int
    bytes: int
    """Bytes written to the spool."""
    digest: str
    """Digest of the records as a multiset; see `synclog.exporter.source.digest`."""
    first: Instant | None
    """The earliest timestamp; None without events."""
    last: Instant | None
    evidence: Evidence


class _Route(Protocol):
    @property
    def header(self) -> bytes: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    def read(self, window: Window, asked: Asked, spool: Spool, progress: Progress) -> Answer: ...

    def close(self) -> None: ...


class SourceReader:
    """Reads windows of one source. One for a process; a context manager.

    Args:
        source: the resource's source.
        credentials: the secrets of ``source.auth``; see `load_credentials`.
        ca_file: PEM file of authorities to trust besides the public ones.
        stop: ends waiting and reading between two blocks; a `threading.Event` is one.
        clock: where the time comes from.
        chance: spreads retries.

    Raises:
        ConfigurationError: the source cannot be read as it is described.
    """

    def __init__(
        self,
        source: Source,
        credentials: Credentials,
        *,
        ca_file: Path | None = None,
        stop: StopSignal,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        if not _URL.fullmatch(source.url):
            raise ConfigurationError(
                "InvalidUrl",
                "source.url is not the URL of a source: write one such as "
                "https://console.us.code42.com, without user, query or #",
            )
        self._source = source
        self._retention = parse_duration(source.retention)
        self._transport = Transport(
            source,
            credentials,
            ca_file=ca_file,
            clock=clock or SystemClock(),
            stop=stop,
            chance=chance or random.Random(),  # noqa: S311 - spreads load, protects nothing
        )
        timestamps = Timestamps(_zone(source.assume_time_zone))
        self._route: _Route
        if source.format is SourceFormat.JSON:
            self._route = JsonRoute(self._transport, source, timestamps)
        else:
            self._route = CsvRoute(self._transport, source.path, timestamps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._route.close()
        self._transport.close()

    @property
    def requests(self) -> int:
        """HTTP requests so far, those for tokens and those that failed among them."""
        return self._transport.counters.requests

    def server_time(self) -> ClockReading:
        """What the local clock and the source's clock say now.

        The offset is from the newest answer; without one, a millisecond of the Sync Log is asked
        for, which also shows that the credentials and the path are right.

        Raises:
            AnswerError: the source's answers have no ``Date`` header.
            ExportError: as `read`.
        """
        reading = self._transport.clocks()
        if reading is None:
            at = SystemClock().now()
            window = Window(at - 1, at)
            self._route.read(window, Asked.closely(window), Discarded(), _ignore)
            reading = self._transport.clocks()
        if reading is None:
            raise AnswerError(
                "NoServerClock",
                "the source's answers have no Date header, so that nobody knows its time; a "
                "proxy may have taken it away",
            )
        return reading

    def read(self, window: Window, spool: Spool, progress: Progress | None = None) -> Reading:
        """Read a window; on return the spool has exactly its records, proven complete.

        Args:
            window: what to read.
            spool: takes the records, behind what it has already.
            progress: told how many events and bytes came so far.

        Raises:
            AuthorisationError: the credentials are refused.
            ConfigurationError: the source, its certificate or a path is not as described.
            AnswerError: the source answers with something that cannot be read safely.
            UnprovenError: the answer could not be proven complete.
            SourceError: the source is down, limits too hard, or is not to be reached.
            Interrupted: told to stop. What is in the spool then is worthless.
        """
        before = _copy(self._transport.counters)
        base = spool.tell()
        told = progress or _ignore

        def ask(part: Window, asked: Asked, into: Spool) -> Answer:
            return self._route.read(part, asked, into, told)

        now = self.server_time().server
        known = Window(now - self._retention, now + 1)
        prover = Prover(ask, spool, cap=self._source.max_rows_per_answer, known=known)
        proven = prover.prove(window)
        answers = proven.answers
        return Reading(
            header=self._route.header,
            columns=self._route.columns,
            events=sum(answer.events for answer in answers),
            bytes=spool.tell() - base,
            digest=to_hex(combine(*(answer.digest for answer in answers))),
            first=min((a.first for a in answers if a.first is not None), default=None),
            last=max((a.last for a in answers if a.last is not None), default=None),
            evidence=self._evidence(proven, before),
        )

    def _evidence(self, proven: Proven, before: Counters) -> Evidence:
        clock = self.server_time()
        answers = proven.answers
        listed = [each for answer in answers for each in answer.http]
        shown, omitted = _shortened(listed)
        return Evidence(
            host=self._transport.host,
            tenant=self._source.tenant or self._transport.host,
            format=self._source.format.value,
            proof=proven.proof,
            parts=len(answers),
            answers=shown,
            answers_omitted=omitted,
            answers_digest=_digest_of(each.query for each in listed),
            requests=self._transport.counters.requests - before.requests,
            retries=self._transport.counters.retries - before.retries,
            rows=sum(answer.rows for answer in answers),
            rows_outside=sum(answer.dropped for answer in answers),
            lower_bound=_bound(answer.at_after for answer in answers),
            upper_bound=_bound(answer.at_before for answer in answers),
            page_base=answers[0].page_base,
            page_size=max((a.page_size for a in answers if a.page_size is not None), default=None),
            server_time=format_time(clock.server),
            clock_offset_ms=clock.offset,
            retention_deadline=format_time(clock.server - self._retention),
        )


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            "UnknownTimeZone",
            f"source.assumeTimeZone {name!r} is no IANA zone: write one such as Europe/Berlin",
        ) from error


def _copy(counters: Counters) -> Counters:
    return Counters(counters.requests, counters.retries)


def _shortened(listed: list[AnswerEvidence]) -> tuple[list[AnswerEvidence], int]:
    if len(listed) <= ANSWERS_KEPT:
        return listed, 0
    half = ANSWERS_KEPT // 2
    return listed[:half] + listed[-half:], len(listed) - ANSWERS_KEPT


def _digest_of(queries: Iterable[str]) -> str:
    return sha256("".join(f"{query}\n" for query in queries).encode()).hexdigest()


def _bound(seen: Iterable[bool]) -> Bound:
    return Bound.INCLUSIVE if any(seen) else Bound.UNSEEN


def _ignore(_events: int, _bytes: int) -> None:
    """Progress that nobody watches."""
