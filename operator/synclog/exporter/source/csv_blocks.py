"""Where the records of a block of CSV are, and where their times: all of them at once.

One pass over the bytes finds those that may mean something; everything else looks at these few.
Quotes come in pairs: what is between the first and the second of a pair is quoted, and a doubled
quote inside a field is the end of one pair and the begin of the next. So the delimiters and line
ends that count are those behind an even number of quotes. Every quote must be where RFC 4180
allows one, every record must have as many fields as the header, and end as the header does. Where
one does not, the block is left to the careful way; nothing is refused here.
"""

from dataclasses import dataclass
from itertools import compress

import numpy as np

from synclog.exporter.source.csv_dialect import Dialect
from synclog.exporter.source.timestamp_blocks import Bytes, Flags, Numbers

_LF, _CR, _QUOTE = b'\n\r"'


@dataclass(frozen=True, slots=True)
class Block:
    """The whole records at the begin of some bytes."""

    size: int
    """Bytes that they take."""
    times: Numbers
    """Where the time of each begins, inside its quotes."""
    time_lengths: Numbers
    quoted_breaks: list[tuple[int, bytes]]
    """The line breaks inside quotes: how many breaks are before each, and its bytes."""

    def records(self, whole: bytes) -> list[bytes]:
        """The records without their line ends, from the bytes that they take."""
        pieces = whole.splitlines()
        if not self.quoted_breaks:
            return pieces
        kept = bytearray(b"\1" * len(pieces))
        for at, line_break in reversed(self.quoted_breaks):
            pieces[at] += line_break + pieces[at + 1]
            kept[at + 1] = 0
        return list(compress(pieces, kept))


def find_records(data: bytes, dialect: Dialect) -> Block | None:
    """Find the whole records; None where there are none, or one of them is not understood."""
    delimiter = ord(dialect.delimiter)
    codes = np.frombuffer(data, np.uint8)
    # Below the quote is little else than line ends and spaces: two comparisons take them all.
    special = codes <= _QUOTE
    special |= codes == delimiter
    places = np.flatnonzero(special)
    kinds = codes[places]
    breaks = (kinds == _LF) | (kinds == _CR)
    structural = breaks | (kinds == delimiter)
    quotes = kinds == _QUOTE
    quoted = places[:0]
    if quotes.any():
        inside = np.logical_xor.accumulate(quotes)
        if not _well_placed(places, len(codes), quotes, inside, edges=structural | quotes):
            return None
        quoted = places[breaks & inside]
        structural &= ~inside
    counting = np.flatnonzero(structural)
    rows = _rows(places[counting], kinds[counting], delimiter, dialect)
    if rows is None:
        return None
    column, contents_end = dialect.time_column, -len(dialect.line_end)
    ends = rows[:, -1] + 1
    starts = rows[:, column - 1] + 1 if column else np.concatenate(([0], ends[:-1]))
    stops = rows[:, column] if column < len(dialect.columns) - 1 else rows[:, contents_end]
    in_quotes = codes[starts] == _QUOTE  # the byte of an empty last field is its line end
    return Block(
        int(ends[-1]),
        starts + in_quotes,
        stops - starts - 2 * in_quotes,
        _quoted_breaks(codes, quoted[quoted < ends[-1]], ends) if quoted.size else [],
    )


def _well_placed(places: Numbers, size: int, quotes: Flags, inside: Flags, *, edges: Flags) -> bool:
    """Whether each pair of quotes begins and ends where a field does, or beside another pair.

    Args:
        places: where the bytes are that may mean something.
        size: bytes of the block.
        quotes: which of them are quotes.
        inside: which of them are behind an odd number of quotes; a quote counts itself.
        edges: which of them may stand beside a pair.
    """
    opening, closing = quotes & inside, quotes & ~inside
    if (opening[0] and places[0] > 0) or (closing[-1] and places[-1] < size - 1):
        return False
    beside = np.diff(places) == 1
    lone = opening[1:] & ~(beside & edges[:-1])
    lone |= closing[:-1] & ~(beside & edges[1:])
    return not lone.any()


def _quoted_breaks(codes: Bytes, places: Numbers, ends: Numbers) -> list[tuple[int, bytes]]:
    """The breaks at these places, as `bytes.splitlines` sees them: CR LF is one."""
    begins = places[(codes[places] != _LF) | (codes[places - 1] != _CR)]
    before = np.searchsorted(ends, begins, side="right") + np.arange(len(begins))
    marks = [codes[at : at + 2].tobytes() for at in begins.tolist()]
    return [
        (number, mark if mark == b"\r\n" else mark[:1])
        for number, mark in zip(before.tolist(), marks, strict=True)
    ]


def _rows(places: Numbers, kinds: Bytes, delimiter: int, dialect: Dialect) -> Numbers | None:
    """The delimiters and the line end of each whole record, a row a record."""
    feeds = np.flatnonzero(kinds == _LF)
    if not feeds.size or dialect.line_end not in (b"\n", b"\r\n"):
        return None
    pattern = bytes([delimiter]) * (len(dialect.columns) - 1) + dialect.line_end
    whole, width = int(feeds[-1]) + 1, len(pattern)
    if whole % width or kinds[:whole].tobytes() != pattern * (whole // width):
        return None
    rows = places[:whole].reshape(-1, width)
    if dialect.line_end == b"\r\n" and (rows[:, -2] != rows[:, -1] - 1).any():
        return None
    return rows
