"""Reading records back from parts or the spool: as they were served, and what they say."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from synclog.api.source import SourceFormat
from synclog.exporter.codec import Digest, bounded, decompressed
from synclog.exporter.destination import Destination
from synclog.exporter.errors import AnswerError, IntegrityError
from synclog.exporter.ledger import Content
from synclog.exporter.source.csv_dialect import Dialect, read_header, time_column_of
from synclog.exporter.source.csv_scan import RECORD_LIMIT, Scanner
from synclog.exporter.source.timestamps import NotATimestampError, Timestamps
from synclog.windows import Instant, Window, parse_time

csv.field_size_limit(RECORD_LIMIT)  # the module's own limit is lower than the source layer's

TIME = "logEventTimeStamp"
"""The published name of the time."""

_ALWAYS = Window(parse_time("1900-01-01T00:00:00Z"), parse_time("9000-01-01T00:00:00Z"))


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a part, in the order of the part."""

    records: list[bytes]
    """Without line ends."""
    dialect: Dialect | None
    """How they are written, where they are CSV."""

    @property
    def line_end(self) -> bytes:
        """What a record ends with."""
        return self.dialect.line_end if self.dialect else b"\n"


@dataclass(frozen=True, slots=True)
class Event:
    """What one record says."""

    instant: Instant
    fields: dict[str, Any]
    """By column name; all text where the record is CSV."""
    time_column: str
    """Which of the fields is its time."""
    record: bytes
    """As it was served, without line end."""


def timestamps_of(content: Content) -> Timestamps:
    """Reads the times of a content's records."""
    return Timestamps(ZoneInfo(content.time_zone) if content.time_zone else None)


def batches(blocks: Iterable[bytes], source_format: SourceFormat) -> Iterator[Batch]:
    """Cut the plain bytes of a part into records.

    Raises:
        IntegrityError: they are no records of this format.
    """
    match source_format:
        case SourceFormat.CSV:
            yield from _csv(blocks)
        case SourceFormat.JSON:
            yield from _lines(blocks)


def stored(
    destination: Destination, content: Content, source_format: SourceFormat
) -> Iterator[Batch]:
    """The records of a content, from its parts.

    Behind the last record of a part, its bytes are known to be those that were written.

    Raises:
        IntegrityError: a part is missing, damaged or changed.
        DestinationError: the destination cannot be read.
    """
    for part in content.parts:
        if destination.size(part.path) is None:
            raise IntegrityError(
                "PartMissing",
                f"{part.path} is not there any more: synclog-export verify tells "
                "whether it expired",
            )
        found = Digest()
        blocks = decompressed(found.of(destination.blocks(part.path)), part.compression)
        yield from batches(bounded(blocks, part.bytes), source_format)
        if found.hexdigest() != part.stored_sha256:
            # What such a part says is nothing to compare with, or to hand on as exported.
            raise IntegrityError(
                "PartDamaged",
                f"{part.path} does not hold the bytes that were written: it was changed or "
                "damaged; restore it",
            )


def events(batch: Batch, timestamps: Timestamps) -> Iterator[Event]:
    """Understand records.

    Raises:
        IntegrityError: a record has no time that can be read.
    """
    decoded = _decoded_json(batch.records) if batch.dialect is None else _decoded_csv(batch)
    try:
        for record, fields, column in decoded:
            instant = timestamps.parse(str(fields[column]).encode())
            yield Event(instant, fields, column, record)
    except (NotATimestampError, msgspec.DecodeError, csv.Error, RecursionError) as error:
        raise IntegrityError("PartDamaged", f"a record cannot be read: {error}") from error


def distinct(columns: Iterable[str]) -> list[str]:
    """Names of columns, made distinct: a name that comes again gets a number."""
    names: list[str] = []
    for column in columns:
        name, count = column, 1
        while name in names:
            count += 1
            name = f"{column}_{count}"
        names.append(name)
    return names


def _csv(blocks: Iterable[bytes]) -> Iterator[Batch]:
    # A part holds what the exporter took for records, so times without a zone are no news.
    timestamps = Timestamps(UTC)
    head = b""
    scanner = dialect = None
    try:
        for block in blocks:
            data = block
            if scanner is None:
                head += data
                found = read_header(head, at_end=False)
                if found is None:
                    continue
                dialect, skipped = found
                scanner = Scanner(dialect, _ALWAYS, timestamps)
                data = head[skipped:]
            for kept in scanner.feed(data):
                yield Batch(kept.records, dialect)
        if scanner is None:
            raise IntegrityError("PartDamaged", "the part has no header record")
        for kept in scanner.finish():
            yield Batch(kept.records, dialect)
    except AnswerError as error:
        raise IntegrityError("PartDamaged", f"the part is no CSV: {error.message}") from error


def _lines(blocks: Iterable[bytes]) -> Iterator[Batch]:
    carry = b""
    for block in blocks:
        lines = (carry + block).split(b"\n")
        carry = lines.pop()
        yield Batch(lines, None)
    if carry:
        raise IntegrityError("PartDamaged", "the part does not end with a line feed")


def _decoded_csv(batch: Batch) -> Iterator[tuple[bytes, dict[str, Any], str]]:
    assert batch.dialect is not None
    names = distinct(batch.dialect.columns)
    delimiter, at = batch.dialect.delimiter.decode(), batch.dialect.time_column
    for record in batch.records:
        # newline="": the csv module itself must see the line ends within values.
        text = io.StringIO(record.decode("utf-8", "replace"), newline="")
        values = next(csv.reader(text, delimiter=delimiter, strict=True))
        yield record, dict(zip(names, values, strict=True)), names[at]


def _decoded_json(records: Iterable[bytes]) -> Iterator[tuple[bytes, dict[str, Any], str]]:
    for record in records:
        try:
            fields = msgspec.json.decode(record, type=dict[str, Any])
        except msgspec.ValidationError:  # a number that no float can hold
            raw = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
            fields = {name: _plain(value) for name, value in raw.items()}
        yield record, fields, _time_among(fields)


def _time_among(fields: dict[str, Any]) -> str:
    if TIME in fields:
        return TIME  # whatever else is named like it
    names = list(fields)
    at = time_column_of(names)
    if at is None:
        raise NotATimestampError(f"no time among {names}")
    return names[at]


def _plain(value: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.ValidationError:
        return value
