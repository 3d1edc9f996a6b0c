"""Cutting CSV into records, and reading nothing of them but the timestamp.

Two ways lead through a block. The fast one finds all records and reads all times by a few
operations on arrays; it checks that it understood every byte, and leaves the block to the other
where it did not. The careful one takes one record at a time, and says what is wrong with it. So
both say the same, and only the careful one ever refuses.

Measured on one busy core, CPU seconds per GiB of records of 150 bytes with 3 quotes: about 6 for
the fast way. The careful one takes some ten times as long.
Memory is a few blocks in any case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.csv_blocks import find_records
from synclog.exporter.source.csv_dialect import Dialect, field_pattern, unquote
from synclog.exporter.source.selection import Selected, select
from synclog.exporter.source.timestamp_blocks import instants_of
from synclog.exporter.source.timestamps import NotATimestampError, Timestamps
from synclog.windows import Instant, Window

RECORD_LIMIT = 4 * 1024 * 1024
"""Bytes that one record may have."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The records of one block that are in the window."""

    data: bytes
    """The records as they go to the spool: as served, each with a line end."""
    selected: Selected

    @property
    def records(self) -> list[bytes]:
        """The same records without line ends."""
        return self.selected.records


class Scanner:
    """Takes the bytes after the header, in blocks of any size, and gives the records.

    Args:
        dialect: how the records are written.
        window: which records are kept.
        timestamps: how their times are read.
    """

    def __init__(self, dialect: Dialect, window: Window, timestamps: Timestamps) -> None:
        self._dialect = dialect
        self._window = window
        self._timestamps = timestamps
        self._carry = b""
        self._seen = 0
        self._ended_mid_line = False
        self._broken = False
        delimiter = re.escape(dialect.delimiter)
        field = field_pattern(dialect.delimiter)
        self._fields = re.compile(rb"(%b)(?:%b|\Z)" % (field, delimiter))
        self._record = re.compile(b"%b(?:%b%b)*+" % (field, delimiter, field))

    @property
    def ended_mid_line(self) -> bool:
        """Whether the answer ended without a line end after its last record."""
        return self._ended_mid_line

    @property
    def broken(self) -> bool:
        """Whether the answer ended inside its last record."""
        return self._broken

    @property
    def seen(self) -> int:
        """Records so far, inside and outside the window."""
        return self._seen

    def feed(self, block: bytes) -> Iterator[Kept]:
        """Take the next bytes; give the records that are complete.

        Raises:
            AnswerError: the bytes are no CSV of this dialect, or a timestamp cannot be read.
        """
        data = self._carry + block if self._carry else block
        kept = self._at_once(data)
        if kept is not None:
            yield kept
        else:
            yield from self._careful(data, at_end=False)
        if len(self._carry) > RECORD_LIMIT:
            raise self._refuse(f"has no end within {RECORD_LIMIT} bytes")

    def finish(self) -> Iterator[Kept]:
        """Say that there are no more bytes; give the last record where it has no line end.

        Where that record is malformed, `broken` says so, and it is left out: so ends an answer
        that was cut short.
        """
        if not self._carry:
            return
        try:
            yield from self._careful(self._carry, at_end=True)
        except AnswerError:
            self._ended_mid_line = self._broken = True

    def _at_once(self, data: bytes) -> Kept | None:
        block = find_records(data, self._dialect)
        if block is None:
            return None
        instants = instants_of(data, block.times, block.time_lengths, self._timestamps)
        if instants is None:
            return None
        line_end = self._dialect.line_end
        whole = data[: block.size]
        records = block.records(whole)
        selected = select(records, instants, self._window)
        self._seen += len(records)
        self._carry = data[block.size :]
        if len(selected.records) == len(records):
            return Kept(whole, selected)
        return Kept(b"".join(record + line_end for record in selected.records), selected)

    def _careful(self, data: bytes, *, at_end: bool) -> Iterator[Kept]:
        line_ends: list[bytes] = []
        records: list[bytes] = []
        instants: list[Instant] = []
        at = 0
        while at < len(data):
            found = self._next_record(data, at, at_end=at_end)
            if found is None:
                break
            record, line_end = found
            at += len(record) + len(line_end)
            if not record:
                continue  # an empty line is no record
            instants.append(self._instant(record))
            records.append(record)
            # A lone CR at the very end is half of CR LF where that is the line end.
            half = line_end == b"\r" and self._dialect.line_end == b"\r\n" and at == len(data)
            cut = at_end and (half or not line_end)
            line_ends.append(self._dialect.line_end if cut else line_end)
            self._seen += 1
            self._ended_mid_line = cut
        self._carry = data[at:]
        if records:
            selected = select(records, instants, self._window)
            served = (
                record + line_end
                for record, line_end, instant in zip(records, line_ends, instants, strict=True)
                if instant in self._window
            )
            yield Kept(b"".join(served), selected)

    def _next_record(self, data: bytes, at: int, *, at_end: bool) -> tuple[bytes, bytes] | None:
        match = self._record.match(data, at)
        assert match is not None  # every field may be empty
        stop = match.end()
        rest = data[stop : stop + 2]
        if rest == b"\r\n":
            return match[0], rest
        if rest[:1] == b"\n":
            return match[0], b"\n"
        if rest[:1] == b"\r":
            if len(rest) == 1 and not at_end:
                return None
            return match[0], b"\r"
        if not rest:
            return (match[0], b"") if at_end else None
        # A quote stopped the match: at the start of a field it opens one that has no end yet.
        opens = data[stop - 1 : stop] in (self._dialect.delimiter, b"") or stop == at
        if opens and not at_end:
            return None
        raise self._refuse(
            "ends inside a quoted field" if opens else "has a double quote in the middle of a field"
        )

    def _instant(self, record: bytes) -> Instant:
        fields = self._fields.findall(record)
        if record[-1:] != self._dialect.delimiter and len(fields) > 1 and not fields[-1]:
            fields.pop()  # the empty match after the last field
        width = len(self._dialect.columns)
        if len(fields) != width:
            raise self._refuse(f"has {len(fields)} fields where the header has {width}")
        text = unquote(fields[self._dialect.time_column])
        try:
            return self._timestamps.parse(text)
        except NotATimestampError as error:
            column = self._dialect.columns[self._dialect.time_column]
            raise self._refuse(f"has no time in its column {column}: {error}") from error

    def _refuse(self, what: str) -> AnswerError:
        return AnswerError("MalformedRecord", f"record {self._seen + 1} of the answer {what}")
