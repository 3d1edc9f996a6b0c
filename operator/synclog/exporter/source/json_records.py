"""The records of one JSON page: raw objects, their times and their keys."""

import re
from dataclasses import dataclass, field
from typing import Protocol

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
_UNNAMEABLE = re.compile(r'[\x00-\x1f"\\]')
"""What the decoder of known keys takes in no key."""


class _Timed(Protocol):
    """A record with known keys."""

    time: str


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
    _known: msgspec.json.Decoder[list[_Timed]] | None = None

    def read(self, records: list[bytes]) -> Rows:
        """Put the records of a page on one line each, and find their times.

        Records with keys that were seen before are read all at once; the rest, and what is wrong
        with a record, is left to reading one by one.

        Args:
            records: at least one.

        Raises:
            AnswerError: an element is no object, or has no time that can be read.
        """
        joined = b",".join(records)
        texts = self._at_once(joined)
        if texts is None:
            seen = len(self.keys)
            texts = [self._time_of(record) for record in records]
            if len(self.keys) > seen and self._time_key is not None:
                self._known = _decoder(self._time_key, self.keys - {self._time_key})
        instants = instants_of_texts(texts, self.timestamps)
        if instants is None:
            instants = np.array([self._instant(text) for text in texts], np.int64)
        broken = b"\n" in joined or b"\r" in joined
        return Rows([_one_line(each) for each in records] if broken else records, instants)

    def _at_once(self, joined: bytes) -> list[bytes] | None:
        """The times of records that have known keys only; None where one has others."""
        if self._known is None:
            return None
        try:
            rows = self._known.decode(b"[%b]" % joined)
        except msgspec.MsgspecError:
            return None
        return [row.time.encode() for row in rows]

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


def _decoder(time_key: str, others: set[str]) -> msgspec.json.Decoder[list[_Timed]] | None:
    """Reads the times of records with no other keys than these; None where that cannot be."""
    if any(map(_UNNAMEABLE.search, {time_key, *others})):
        return None
    names = {f"key{at}": key for at, key in enumerate(sorted(others))}
    row = msgspec.defstruct(
        "Row",
        [("time", str), *((name, Raw, Raw()) for name in names)],
        rename={"time": time_key, **names},
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(list[row])  # type: ignore[valid-type] # made from what was seen


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
