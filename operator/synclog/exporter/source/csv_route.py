"""The CSV route: one request, one answer, streamed."""

from collections.abc import Iterable, Iterator

from synclog.exporter.ahead import ahead
from synclog.exporter.errors import AnswerError
from synclog.exporter.regroup import regrouped
from synclog.exporter.source.answer import Answer, Asked, Progress, Spool
from synclog.exporter.source.csv_dialect import BOM, Dialect, read_header
from synclog.exporter.source.csv_scan import Kept, Scanner
from synclog.exporter.source.evidence import AnswerEvidence
from synclog.exporter.source.framing import CutShortError
from synclog.exporter.source.timestamps import Timestamps
from synclog.exporter.source.transport import Head, Transport
from synclog.windows import Window, format_time

_ACCEPT = "text/csv, text/plain;q=0.5"
_NOT_CSV = ("html", "json", "xml", "image/", "pdf", "zip")
_BLOCK = 512 * 1024
"""Bytes that are scanned at once. Equal bodies are cut alike, however they came over the network:
so they are written to the spool in equal steps, and a retry makes the same parts."""


class CsvRoute:
    """Reads ranges of the Sync Log as CSV.

    Args:
        transport: talks to the source.
        path: path of the Sync Log; the route is ``/csv`` under it.
        timestamps: how times are read.
    """

    def __init__(self, transport: Transport, path: str, timestamps: Timestamps) -> None:
        self._transport = transport
        self._path = path + "/csv"
        self._timestamps = timestamps
        self._header = b""
        self._columns: tuple[str, ...] = ()

    def close(self) -> None:
        """Nothing is kept open."""

    @property
    def header(self) -> bytes:
        """The header record as served, with its line end; empty before the first answer."""
        if self._header and not self._header.endswith((b"\n", b"\r")):
            return self._header + b"\n"
        return self._header

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header."""
        return self._columns

    def read(self, window: Window, asked: Asked, spool: Spool, progress: Progress) -> Answer:
        """Ask with these bounds; the records inside the window are appended to the spool.

        Raises:
            AnswerError: the answer is no CSV that can be read safely.
            ExportError: as `Transport.get`.
        """
        base = spool.tell()

        def consume(head: Head, blocks: Iterator[bytes]) -> Answer:
            spool.truncate(base)  # the answer before this one broke off
            _check_type(head)
            answer = Answer(window, asked, tells_the_end=head.framing.tells_the_end)
            # Three threads: the network, the scanner, and digest and spool.
            with (
                ahead(regrouped(blocks, _BLOCK)) as gathered,
                ahead(self._scanned(answer, gathered)) as scanned,
            ):
                for kept in scanned:
                    if kept.records:
                        spool.write(kept.data)
                    answer.add(kept.selected, len(kept.data))
                    progress(answer.events, answer.bytes)
            answer.http.append(
                AnswerEvidence(
                    query=head.query,
                    status=head.status,
                    date=head.date,
                    framing=head.framing.value,
                    rows=answer.rows,
                    bytes=answer.served,
                )
            )
            return answer

        params = {
            "eventOccurredAfter": format_time(asked.after),
            "eventOccurredBefore": format_time(asked.before),
        }
        return self._transport.get(self._path, params, _ACCEPT, consume)

    def _scanned(self, answer: Answer, blocks: Iterable[bytes]) -> Iterator[Kept]:
        scanner: Scanner | None = None
        pending = b""
        for block in blocks:
            answer.served += len(block)
            if scanner is None:
                pending += block
                found = read_header(pending, at_end=False)
                if found is None:
                    continue
                dialect, end = found
                scanner = self._begin(answer, dialect)
                block = pending[end:]  # noqa: PLW2901 - what follows the header
            yield from scanner.feed(block)
        if not pending:
            answer.blank = True
            return
        if scanner is None:
            if not answer.tells_the_end and not self._is_header(pending):
                # A header record, or the begin of one: wider answers tell.
                answer.blank = True
                return
            found = read_header(pending, at_end=True)
            assert found is not None  # at the end it is found or refused
            dialect, end = found
            scanner = self._begin(answer, dialect)
            answer.ends_mid_line = pending[end - 1 : end] not in (b"\n", b"\r")
        yield from scanner.finish()
        answer.rows = scanner.seen
        answer.ends_mid_line |= scanner.ended_mid_line
        answer.broken = scanner.broken

    def _is_header(self, pending: bytes) -> bool:
        """Whether an answer without line end is a header record.

        Raises:
            CutShortError: it is another one than is known.
        """
        text = pending.removeprefix(BOM)
        known = self._header.rstrip(b"\r\n")
        if known and known != text.rstrip(b"\r"):
            raise CutShortError("the body ends inside its header record")
        return bool(known) or text.endswith(b"\r")

    def _begin(self, answer: Answer, dialect: Dialect) -> Scanner:
        known = self._header.rstrip(b"\r\n")
        if known and known != dialect.header.rstrip(b"\r\n"):
            raise AnswerError(
                "SourceSchemaChanged",
                "the header of the source's CSV changed between two answers, from "
                f"{_shown(known)} to {_shown(dialect.header)}",
            )
        if self._header == known:  # nothing yet, or a header without a line end
            self._header = dialect.header
        self._columns = dialect.columns
        return Scanner(dialect, answer.window, self._timestamps)


def _shown(header: bytes) -> str:
    return repr(header[:200].decode("utf-8", "replace").strip())


def _check_type(head: Head) -> None:
    if any(word in head.content_type for word in _NOT_CSV):
        raise AnswerError(
            "UnexpectedContent",
            f"the source answered 200 with {head.content_type} instead of CSV; that is what a "
            "login page or a proxy does. Check source.url, source.path and source.proxy",
        )
