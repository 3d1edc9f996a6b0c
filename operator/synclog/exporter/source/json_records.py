"""The records of one JSON page: raw objects, their times and their keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from msgspec import Raw

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.csv_dialect import time_column_of
from synclog.exporter.source.selection import Selected, select
from synclog.exporter.source.timestamp_blocks import Numbers, instants_of_texts
from synclog.exporter.source.timestamps import NotATimestampError, Timestamps
from synclog.windows import Instant, Window

_KEYS_LIMIT = 256
_OBJECT = msgspec.json.Decoder(dict[str, Raw])


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of a page."""

    lines: list[bytes]
    """Each record as served, on one line."""
    instants: Numbers
    """The time of each."""

    def select(self, window: Window) -> Selected:
        """The rows that are in the window. There is at least one row."""
        return select(self.lines, self.instants, window)


@dataclass(slots=True)
class JsonRecords:
    """Reads the records of one source; remembers which key is the time, and all keys.

    Args:
        timestamps: how times are read.
    """

    timestamps: Timestamps
    keys: set[str] = field(default_factory=set)
    _time_key: str | None = None

    def read(self, records: Sequence[bytes]) -> Rows:
        """Put the records of a page on one line each, and find their times.

        Args:
            records: at least one.

        Raises:
            AnswerError: an element is no object, or has no time that can be read.
        """
        texts = [self._time_of(record) for record in records]
        instants = instants_of_texts(texts, self.timestamps)
        if instants is None:
            instants = np.array([self._instant(text) for text in texts], np.int64)
        return Rows([_one_line(record) for record in records], instants)

    def _instant(self, text: bytes) -> Instant:
        try:
            return self.timestamps.parse(text)
        except NotATimestampError as error:
            raise AnswerError(
                "MalformedRecord", f"a record has no time in {self._time_key}: {error}"
            ) from error

    def _time_of(self, record: bytes) -> bytes:
        try:
            fields = _OBJECT.decode(record)
        except msgspec.MsgspecError as error:
            raise AnswerError(
                "MalformedRecord", f"an element of the page's list is no object: {error}"
            ) from error
        if not self.keys.issuperset(fields) and len(self.keys) < _KEYS_LIMIT:
            self.keys.update(fields)
        if self._time_key is None:
            self._time_key = _time_key(list(fields))
        raw = fields.get(self._time_key)
        text = b"" if raw is None else bytes(raw)
        if text[:1] != b'"':
            shown = text[:40].decode("utf-8", "replace") or "nothing"
            raise AnswerError(
                "MalformedRecord", f"a record has {shown} instead of a time in {self._time_key}"
            )
        if b"\\" in text:
            return msgspec.json.decode(text, type=str).encode("utf-8")
        return text[1:-1]


def _time_key(keys: list[str]) -> str:
    at = time_column_of(keys)
    if at is None:
        raise AnswerError(
            "UnknownColumns",
            "the source's records have no key for their time such as logEventTimeStamp; they "
            f"have {', '.join(keys[:20])}",
        )
    return keys[at]


def _one_line(record: bytes) -> bytes:
    """The record without line ends: in JSON they can only be insignificant white space."""
    if b"\n" in record or b"\r" in record:
        return msgspec.json.format(record, indent=-1)
    return record
