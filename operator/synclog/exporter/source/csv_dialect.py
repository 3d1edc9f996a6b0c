"""The dialect of a CSV answer, found from its header record.

Nothing is published about the source's CSV, so the header decides: delimiter, line end, the
columns and which of them is the time. Quoting follows RFC 4180: a field that starts with a
double quote ends with one, and two of them inside mean one.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from synclog.exporter.errors import AnswerError

BOM = b"\xef\xbb\xbf"
HEADER_LIMIT = 64 * 1024
"""Bytes in which a header record must end."""

_DELIMITERS = (b",", b";", b"\t", b"|")
_TIME_COLUMNS = frozenset(
    (
        "logeventtimestamp",
        "eventtimestamp",
        "logtimestamp",
        "timestamp",
        "logeventtime",
        "logeventdate",
        "eventtime",
        "eventdate",
        "eventoccurred",
        "eventoccurredat",
        "occurred",
        "occurredat",
        "datetime",
        "date",
        "time",
    )
)
"""Names of the time column, without case and punctuation. The first is the published one."""

Fields: TypeAlias = tuple[bytes, ...]


def time_column_of(names: list[str]) -> int | None:
    """The position of the time column among names; None where none or several fit.

    The published name wins over the tolerated ones.
    """
    plain = [re.sub(r"\(.*?\)|[^0-9a-z]", "", name.lower()) for name in names]
    published = [at for at, name in enumerate(plain) if name == "logeventtimestamp"]
    if published:
        return published[0] if len(published) == 1 else None
    likely = [at for at, name in enumerate(plain) if name in _TIME_COLUMNS]
    return likely[0] if len(likely) == 1 else None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the records of an answer are written."""

    header: bytes
    """The header record as served, with its line end if there is one, without BOM."""
    columns: tuple[str, ...]
    delimiter: bytes
    line_end: bytes
    time_column: int
    """Position of the time column, from 0."""


def field_pattern(delimiter: bytes) -> bytes:
    """The regular expression of one field, as it is written."""
    plain = b'[^"\\r\\n' + re.escape(delimiter) + b"]*+"
    return b'(?:"[^"]*+(?:""[^"]*+)*+"|' + plain + b")"


def unquote(field: bytes) -> bytes:
    """The value of a field as it is written."""
    if field[:1] == b'"':
        return field[1:-1].replace(b'""', b'"')
    return field


def read_header(data: bytes, *, at_end: bool) -> tuple[Dialect, int] | None:
    """Find the dialect from the first bytes of an answer.

    Args:
        data: the first bytes, BOM included where there is one.
        at_end: whether the answer ends with them.

    Returns:
        The dialect and how many bytes the BOM and the header take; None where more are needed.

    Raises:
        AnswerError: this is no header record with a time column; the message shows it.
    """
    if len(data) < len(BOM) and BOM.startswith(data) and not at_end:
        return None
    skipped = len(BOM) if data.startswith(BOM) else 0
    text = data[skipped:]
    complete = False
    for delimiter in _DELIMITERS:
        found = _first_record(text, delimiter, at_end=at_end)
        if found is None:
            continue
        complete = True
        fields, end, line_end = found
        names = [unquote(field).decode("utf-8", "replace").strip() for field in fields]
        at = time_column_of(names)
        if at is not None and len(names) > 1:
            return (
                Dialect(text[:end], tuple(names), delimiter, line_end or b"\n", at),
                skipped + end,
            )
    if complete or at_end or len(text) > HEADER_LIMIT:
        raise _not_a_header(text)
    return None


def _first_record(
    text: bytes, delimiter: bytes, *, at_end: bool
) -> tuple[list[bytes], int, bytes] | None:
    field = field_pattern(delimiter)
    match = re.match(field + b"(?:" + re.escape(delimiter) + field + b")*+", text)
    assert match is not None  # every field may be empty
    rest = text[match.end() : match.end() + 2]
    if rest[:1] == b"\n":
        line_end = b"\n"
    elif rest == b"\r\n":
        line_end = rest
    elif rest[:1] == b"\r" and (len(rest) == 2 or at_end):
        line_end = b"\r"
    elif not rest and match[0] and at_end:
        line_end = b""
    else:
        return None
    return _fields(match[0], field, delimiter), match.end() + len(line_end), line_end


def _fields(record: bytes, field: bytes, delimiter: bytes) -> list[bytes]:
    return re.findall(b"(?:^|" + re.escape(delimiter) + b")(" + field + b")", record)


def _not_a_header(text: bytes) -> AnswerError:
    shown = text[:200].decode("utf-8", "replace").strip()
    if not shown:
        return AnswerError(
            "EmptyAnswer", "the source's CSV answer is empty: it has not even a header record"
        )
    return AnswerError(
        "UnknownColumns",
        "the source's CSV answer has no header record with one time column such as "
        f"logEventTimeStamp; it begins with {shown!r}",
    )
