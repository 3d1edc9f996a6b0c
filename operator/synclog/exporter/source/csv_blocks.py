"""Where the records of a block of CSV are, and where their times: all of them at once.

Quotes come in pairs: what is between the first and the second of a pair is quoted, and a doubled
quote inside a field is the end of one pair and the begin of the next. So the delimiters and line
ends that count are those outside of pairs. Every quote must be where RFC 4180 allows one, every
record must have as many fields as the header, and end as the header does. Where one does not, the
block is left to the careful way; nothing is refused here.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from synclog.exporter.source.csv_dialect import Dialect
from synclog.exporter.source.timestamp_blocks import Bytes, Numbers

_LF, _CR, _QUOTE = b'\n\r"'


@dataclass(frozen=True, slots=True)
class Block:
    """The whole records at the begin of some bytes."""

    size: int
    """Bytes that they take."""
    ends: Numbers
    """Where the line end of each ends."""
    times: Numbers
    """Where the time of each begins, inside its quotes."""
    time_lengths: Numbers
    plain: bool
    """Whether every line end in the block ends a record."""

    def records(self, data: bytes, line_end: bytes) -> list[bytes]:
        """The records without their line ends."""
        if self.plain:
            return data[: self.size].splitlines()
        cut = len(line_end)
        edges = [0, *self.ends.tolist()]
        return [data[start : end - cut] for start, end in pairwise(edges)]


def find_records(data: bytes, dialect: Dialect) -> Block | None:
    """Find the whole records; None where there are none, or one of them is not understood."""
    codes = np.frombuffer(data, np.uint8)
    line_feeds = np.flatnonzero(codes == _LF)
    delimiters = np.flatnonzero(codes == ord(dialect.delimiter))
    returns = np.flatnonzero(codes == _CR) if b"\r" in data else np.empty(0, np.int64)
    ends, all_returns = line_feeds, returns
    if b'"' in data:
        quotes = np.flatnonzero(codes == _QUOTE)
        if not _well_placed(codes, quotes, dialect.delimiter):
            return None
        ends, delimiters, returns = (
            _outside(quotes, places) for places in (line_feeds, delimiters, returns)
        )
    if not ends.size:
        return None
    size = int(ends[-1]) + 1
    delimiters, returns = _before(size, delimiters), _before(size, returns)
    contents_end = _contents_end(ends, returns, dialect.line_end)
    if contents_end is None:
        return None
    fields = _fields(contents_end, ends, delimiters, dialect)
    if fields is None:
        return None
    starts, stops = fields
    quoted = codes[starts] == _QUOTE  # the byte of an empty last field is its line end
    return Block(
        size,
        ends + 1,
        starts + quoted,
        stops - starts - 2 * quoted,
        plain=len(_before(size, line_feeds)) == len(ends)
        and len(_before(size, all_returns)) == len(returns),
    )


def _before(size: int, places: Numbers) -> Numbers:
    return places[: np.searchsorted(places, size)]


def _well_placed(codes: Bytes, quotes: Numbers, delimiter: bytes) -> bool:
    """Whether each pair of quotes begins and ends where a field does, or beside another pair."""
    edges = np.zeros(256, np.bool_)
    edges[[_LF, _CR, _QUOTE, ord(delimiter)]] = True
    opening, closing = quotes[::2], quotes[1::2]
    before = codes[opening[opening > 0] - 1]
    after = codes[closing[closing < len(codes) - 1] + 1]
    return bool(edges[before].all() and edges[after].all())


def _outside(quotes: Numbers, places: Numbers) -> Numbers:
    """The places that are not between the quotes of a pair."""
    if not places.size:
        return places
    edges = np.searchsorted(places, quotes)
    if len(edges) % 2:  # the last pair is not closed yet
        edges = np.append(edges, len(places))
    opening, closing = edges[::2], edges[1::2]
    holds = closing > opening
    if not holds.any():
        return places
    steps = np.zeros(len(places) + 1, np.int8)
    steps[opening[holds]] += 1
    steps[closing[holds]] -= 1
    outside: Numbers = places[np.cumsum(steps[:-1], dtype=np.int8) == 0]
    return outside


def _contents_end(ends: Numbers, returns: Numbers, line_end: bytes) -> Numbers | None:
    """Where each record ends without its line end; None where one ends in another way."""
    if line_end == b"\n":
        return None if returns.size else ends
    if line_end != b"\r\n" or len(returns) != len(ends) or (returns != ends - 1).any():
        return None
    return returns


def _fields(
    contents_end: Numbers, ends: Numbers, delimiters: Numbers, dialect: Dialect
) -> tuple[Numbers, Numbers] | None:
    """Begin and end of the field of each record that is its time."""
    begins = np.empty_like(ends)
    begins[0] = 0
    begins[1:] = ends[:-1] + 1
    inner, column = len(dialect.columns) - 1, dialect.time_column
    if len(delimiters) != inner * len(ends):
        return None
    if not inner:
        return begins, contents_end
    rows = delimiters.reshape(len(ends), inner)
    if (rows[:, 0] < begins).any() or (rows[:, -1] >= contents_end).any():
        return None
    return (
        begins if column == 0 else rows[:, column - 1] + 1,
        contents_end if column == inner else rows[:, column],
    )
