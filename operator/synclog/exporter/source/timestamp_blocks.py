"""Reading the timestamps of a whole block at once, where they are written alike.

The digits become numbers column by column, so the cost is a few operations on arrays instead
of a few on every record. Every character is checked. Whatever is unusual is left to
`Timestamps.parse`, which reads one at a time: nothing is refused here.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synclog.exporter.source.timestamps import NotATimestampError, Timestamps
from synclog.windows import HOUR, MINUTE, SECOND

Numbers: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.uint8]
Flags: TypeAlias = NDArray[np.bool_]

_SHAPES = 8
"""More lengths than this in one block are not alike. A source that leaves out zeros at the end of
its fractions has four."""
_SHAPED = re.compile(rb"0000-00-00[Tt ]00:00:00(?:\.(0{1,9}))?(Z|[+-]00:?00)")
_SHAPE = bytes.maketrans(b"123456789", b"000000000")
_DATE = 10
_TENS_TO_5 = (14, 17)
"""Places of the tens of minutes and of seconds; a leap second is left to the careful way."""
_ZERO = ord("0")


def instants_of(
    data: bytes, starts: Numbers, lengths: Numbers, timestamps: Timestamps
) -> Numbers | None:
    """The instants of texts inside a block; None where one of them is not read here.

    Args:
        data: the block.
        starts: where each text begins; at least one.
        lengths: bytes of each.
        timestamps: reads what is read only once: zones and days.
    """
    length = int(lengths[0])
    if (lengths == length).all():
        return _alike(data, starts, length, timestamps)
    distinct = np.unique(lengths)
    if len(distinct) > _SHAPES:
        return None
    found = np.empty(len(starts), np.int64)
    for each in distinct:
        of_this = lengths == each
        instants = _alike(data, starts[of_this], int(each), timestamps)
        if instants is None:
            return None
        found[of_this] = instants
    return found


def instants_of_texts(texts: Sequence[bytes], timestamps: Timestamps) -> Numbers | None:
    """The same for texts that are apart; at least one."""
    lengths = np.array([len(text) for text in texts])
    return instants_of(b"".join(texts), np.cumsum(lengths) - lengths, lengths, timestamps)


def _alike(data: bytes, starts: Numbers, length: int, timestamps: Timestamps) -> Numbers | None:
    first = data[int(starts[0]) :][:length]
    match = _SHAPED.fullmatch(first.translate(_SHAPE))
    if match is None:
        return None
    texts = _texts(data, starts, length)
    fraction, zone = match.span(1), match.start(2)
    digits = texts[:, :zone] - np.uint8(_ZERO)  # what is no digit becomes more than 9
    is_digit = np.frombuffer(match[0][:zone], np.uint8) == _ZERO
    fixed = np.flatnonzero(~is_digit).tolist() + list(range(zone, length))
    if (digits[:, is_digit] > 9).any() or (texts[:, fixed] != texts[0, fixed]).any():
        return None
    if (digits[:, _TENS_TO_5] > 5).any():
        return None

    hours = _two(digits, 11)
    days = _days(texts[:, :_DATE], timestamps)
    if days is None or (hours > 23).any():
        return None
    instants = days + hours * HOUR + _two(digits, 14) * MINUTE + _two(digits, 17) * SECOND
    for place, unit in zip(range(*fraction), (100, 10, 1), strict=False):
        instants += digits[:, place].astype(np.int64) * unit
    try:
        # All share the zone: what it adds to the first, it adds to each.
        instants += timestamps.parse(first) - int(instants[0])
    except NotATimestampError:
        return None
    return instants


def _texts(data: bytes, starts: Numbers, length: int) -> Bytes:
    """The texts as rows of characters."""
    every = np.ndarray((len(data) - length + 1,), f"V{length}", data, strides=(1,))
    return every[starts].view(np.uint8).reshape(len(starts), length)


def _two(digits: Bytes, place: int) -> Numbers:
    return digits[:, place].astype(np.int64) * 10 + digits[:, place + 1]


def _days(dates: Bytes, timestamps: Timestamps) -> Numbers | int | None:
    """The instants at which the days begin, in UTC; None where one of them does not exist."""
    if (dates == dates[0]).all():
        return timestamps.day(dates[0].tobytes())
    texts = np.ascontiguousarray(dates).view(f"S{_DATE}").ravel()
    distinct, which = np.unique(texts, return_inverse=True)
    begins = [timestamps.day(bytes(text)) for text in distinct]
    known = [begin for begin in begins if begin is not None]
    return np.array(known)[which] if len(known) == len(begins) else None
