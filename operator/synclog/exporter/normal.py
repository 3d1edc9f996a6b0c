"""The normal form of records: one JSON object a line, the same whichever route served it.

docs/jsonlines.md is its schema. Nothing that the source said is altered or left out, but for
how it was written, and but for the difference of null, an empty text and nothing at all, which
CSV does not know.
"""

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Raw

from synclog.exporter.errors import AnswerError
from synclog.exporter.records import TIME, Batch, distinct
from synclog.exporter.source.csv_dialect import time_column_of
from synclog.exporter.source.timestamps import NotATimestampError, Timestamps, finer
from synclog.windows import Instant, format_time

FIELDS = (TIME, "providerName", "username", "action", "field", "oldValue", "newValue")
"""The published fields: every line begins with them, in this order."""
BYTES = "_base64"
"""Holds, by field, the bytes of values that are no UTF-8."""

_RESERVED = (*FIELDS, BYTES)
_FOLDED = {name.lower(): name for name in FIELDS}
_LAYOUTS = 1_000
_NORMAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z", re.ASCII)
_PUNCTUATION = re.compile(r"[\W_]")
_SPACE = re.compile(r"[ \t\r\n]*")
_TEXTS = msgspec.json.Decoder(dict[str, str | None])
_ENCODER = msgspec.json.Encoder()
_VALUES = json.JSONDecoder(parse_int=str, parse_float=str)

Value: TypeAlias = str | Raw | None
"""A text; JSON of another kind; or nothing."""


class _Row(NamedTuple):
    names: Sequence[str]
    values: Sequence[Value]
    time_at: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields of a line are among the names of a record."""

    published: list[tuple[str, int | None]]
    """All but the time; None where the record has no such field."""
    others: list[tuple[str, int]]
    """By name."""


class Normaliser:
    """Brings the records of one source into the normal form.

    Args:
        timestamps: how their times are read.
    """

    def __init__(self, timestamps: Timestamps) -> None:
        self._timestamps = timestamps
        self._layouts: dict[tuple[object, ...], _Layout] = {}
        self._others: set[str] = set()
        self._bytes = False
        self._time_key = TIME
        self.first: Instant | None = None
        """The earliest time stamp so far; None before the first record."""
        self.last: Instant | None = None

    @property
    def columns(self) -> list[str]:
        """The keys of all lines so far, in their order."""
        return [*FIELDS, *sorted(self._others), *([BYTES] if self._bytes else [])]

    def lines(self, batch: Batch) -> list[bytes]:
        """The records in normal form, in their order, without line ends.

        Raises:
            AnswerError: a record cannot be brought into the form.
        """
        rows = self._csv(batch) if batch.dialect else map(self._json, batch.records)
        try:
            return [self._line(row) for row in rows]
        except (NotATimestampError, ValueError, csv.Error, RecursionError) as error:
            raise AnswerError(
                "NotNormalisable",
                f"a record cannot be written in the form JSONLines ({error}); output.format "
                "Source keeps records as they are served",
            ) from error

    def _line(self, row: _Row) -> bytes:
        names, values, time_at = row
        # The time's place and the names together decide where each field goes.
        key = (time_at, *names)
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = _layout(names, time_at)
        fields: dict[str, Value | dict[str, str]] = {TIME: self._time(values[time_at])}
        for name, at in layout.published:
            fields[name] = None if at is None else values[at] or None
        for name, at in layout.others:
            if values[at]:
                fields[name] = values[at]
                self._others.add(name)
        try:
            return _ENCODER.encode(fields)
        except UnicodeEncodeError:
            self._bytes = True
            return _ENCODER.encode(_with_bytes(fields))

    def _time(self, value: Value) -> str:
        text = value if isinstance(value, str) else ""
        instant = self._timestamps.parse(text.encode("utf-8", "replace"))
        self.first = instant if self.first is None else min(self.first, instant)
        self.last = instant if self.last is None else max(self.last, instant)
        if _NORMAL_TIME.fullmatch(text):
            return text
        return f"{format_time(instant)[:-1]}{finer(text)}Z"

    @staticmethod
    def _csv(batch: Batch) -> Iterator[_Row]:
        dialect = batch.dialect
        assert dialect is not None
        # Bytes that are no UTF-8 pass as surrogates, which UTF-8 itself cannot hold.
        text = b"\n".join(batch.records).decode("utf-8", "surrogateescape")
        # newline="": the csv module itself must see the line ends within values.
        rows = csv.reader(
            io.StringIO(text, newline=""), delimiter=dialect.delimiter.decode(), strict=True
        )
        for values in rows:
            yield _Row(dialect.columns, values, dialect.time_column)

    def _json(self, record: bytes) -> _Row:
        names, values = _pairs(record)
        if self._time_key not in names:
            at = time_column_of(list(dict.fromkeys(names)))
            if at is None:
                raise NotATimestampError(f"no time among {', '.join(names[:20])}")
            self._time_key = list(dict.fromkeys(names))[at]
        # Of a key that comes again, the source layer took the last one, too.
        time_at = len(names) - 1 - names[::-1].index(self._time_key)
        return _Row(names, values, time_at)


def _layout(names: Sequence[str], time_at: int) -> _Layout:
    """Find the published fields by name; other ways of writing the name count where it is free."""
    places: dict[str, int] = {TIME: time_at}
    for at, name in enumerate(names):
        if name in FIELDS:
            places.setdefault(name, at)
    for at, name in enumerate(names):
        meant = _FOLDED.get(_PUNCTUATION.sub("", name.lower()))
        if meant is not None and at not in places.values():
            places.setdefault(meant, at)
    left = [at for at in range(len(names)) if at not in places.values()]
    called = distinct([*_RESERVED, *(names[at] for at in left)])[len(_RESERVED) :]
    return _Layout(
        [(name, places.get(name)) for name in FIELDS[1:]],
        sorted(zip(called, left, strict=True)),
    )


def _with_bytes(fields: dict[str, Value | dict[str, str]]) -> dict[str, Value | dict[str, str]]:
    """The fields with U+FFFD for what is no UTF-8, and with the very bytes beside them."""
    served = {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in fields.items()
        if isinstance(value, str) and not _is_utf8(value)
    }
    shown = {name: data.decode("utf-8", "replace") for name, data in served.items()}
    return {
        **fields,
        **shown,
        BYTES: {name: b64encode(data).decode() for name, data in served.items()},
    }


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pairs(record: bytes) -> tuple[list[str], list[Value]]:
    """The names and values of a JSON object, names that come again included.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        fields = _TEXTS.decode(record)
    except msgspec.ValidationError:
        pass  # not only texts
    else:
        # Written alike, it can have lost nothing: a decoder keeps one of two equal names.
        if _ENCODER.encode(fields) == record:
            return list(fields), list(fields.values())
    names: list[str] = []
    values: list[Value] = []
    text = record.decode()
    at = _behind(text, _behind(text, 0, "{"), "")
    while text[at] != "}":
        name, at = _VALUES.raw_decode(text, at)
        at = _behind(text, at, ":")
        value, end = _VALUES.raw_decode(text, at)
        if text[at] != '"' and value is not None:
            # Numbers as they are written; what is nested, without white space around it.
            value = Raw(msgspec.json.format(text[at:end].encode(), indent=-1))
        names.append(name)
        values.append(value)
        at = _behind(text, end, "")
        if text[at] == ",":
            at = _behind(text, at, ",")
    return names, values


def _behind(text: str, at: int, mark: str) -> int:
    """The place behind a mark, and behind the white space around it."""
    at = _end_of_space(text, at)
    if not text.startswith(mark, at):
        raise ValueError(f"no {mark} at character {at}")
    return _end_of_space(text, at + len(mark))


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None  # it may be empty
    return found.end()
