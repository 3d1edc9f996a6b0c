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
    quoted_line_ends: list[int]
    """Which of the line ends in the block are inside quotes, by their number."""

    def records(self, whole: bytes, line_end: bytes) -> list[bytes]:
        """The records without their line ends, from the bytes that they take."""
        pieces = whole.split(line_end)
        pieces.pop()  # what follows the last line end: nothing
        if not self.quoted_line_ends:
            return pieces
        kept = bytearray(b"\1" * len(pieces))
        for at in reversed(self.quoted_line_ends):
            pieces[at] += line_end + pieces[at + 1]
            kept[at + 1] = 0
        return list(compress(pieces, kept))


def find_records(data: bytes, dialect: Dialect) -> Block | None:
    """Find the whole records; None where there are none, or one of them is not understood."""
    delimiter = ord(dialect.delimiter)
    codes = np.frombuffer(data, np.uint8)
    # Below the quote is little else than line ends and spaces: two comparisons take them all.
    places = np.flatnonzero((codes <= _QUOTE) | (codes == delimiter))
    kinds = codes[places]
    structural = (kinds == delimiter) | (kinds == _LF) | (kinds == _CR)
    is_quote = kinds == _QUOTE
    quoted_ends: list[int] = []
    if is_quote.any():
        if not _well_placed(codes, places[is_quote], delimiter):
            return None
        outside = np.cumsum(is_quote, dtype=np.uint8) & 1 == 0  # a sum that wraps stays even
        quoted_ends = _quoted_line_ends(codes, places, kinds, outside, dialect.line_end)
        structural &= outside
    rows = _rows(places[structural], kinds[structural], delimiter, dialect)
    if rows is None:
        return None
    column, contents_end = dialect.time_column, -len(dialect.line_end)
    ends = rows[:, -1] + 1
    starts = rows[:, column - 1] + 1 if column else np.concatenate(([0], ends[:-1]))
    stops = rows[:, column] if column < len(dialect.columns) - 1 else rows[:, contents_end]
    quoted = codes[starts] == _QUOTE  # the byte of an empty last field is its line end
    return Block(int(ends[-1]), starts + quoted, stops - starts - 2 * quoted, quoted_ends)


def _well_placed(codes: Bytes, quotes: Numbers, delimiter: int) -> bool:
    """Whether each pair of quotes begins and ends where a field does, or beside another pair."""
    edges = np.zeros(256, np.bool_)
    edges[[_LF, _CR, _QUOTE, delimiter]] = True
    opening, closing = quotes[::2], quotes[1::2]
    before = codes[opening[opening > 0] - 1]
    after = codes[closing[closing < len(codes) - 1] + 1]
    return bool(edges[before].all() and edges[after].all())


def _quoted_line_ends(
    codes: Bytes, places: Numbers, kinds: Bytes, outside: Flags, line_end: bytes
) -> list[int]:
    """The numbers of the line ends that are quoted, among those up to the last that is not."""
    is_end = kinds == _LF
    if line_end == b"\r\n":
        feeds = np.flatnonzero(is_end)
        # A block that begins with a line feed is no CSV of this dialect; that is found elsewhere.
        is_end[feeds] = codes[places[feeds] - 1] == _CR
    real = outside[is_end]
    last = len(real) - int(np.argmax(real[::-1])) if real.any() else 0
    return np.flatnonzero(~real[:last]).tolist()


def _rows(places: Numbers, kinds: Bytes, delimiter: int, dialect: Dialect) -> Numbers | None:
    """The delimiters and the line end of each whole record, a row a record."""
    feeds = np.flatnonzero(kinds == _LF)
    if not feeds.size or dialect.line_end not in (b"\n", b"\r\n"):
        return None
    pattern = bytes([delimiter]) * (len(dialect.columns) - 1) + dialect.line_end
    whole, width = int(feeds[-1]) + 1, len(pattern)
    if (
        whole % width
        or (kinds[:whole].reshape(-1, width) != np.frombuffer(pattern, np.uint8)).any()
    ):
        return None
    rows = places[:whole].reshape(-1, width)
    if dialect.line_end == b"\r\n" and (rows[:, -2] != rows[:, -1] - 1).any():
        return None
    return rows
