"""Reading parts back: their records, as they were served."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC

from synclog.api.spec import SourceFormat
from synclog.exporter.errors import AnswerError, IntegrityError
from synclog.exporter.source.csv_dialect import Dialect, read_header
from synclog.exporter.source.csv_scan import Scanner
from synclog.exporter.source.timestamps import Timestamps
from synclog.windows import Window, parse_time

_ALWAYS = Window(parse_time("1900-01-01T00:00:00Z"), parse_time("9000-01-01T00:00:00Z"))


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a part, in the order of the part."""

    records: list[bytes]
    """Without line ends."""
    dialect: Dialect | None
    """How they are written, where they are CSV."""


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
