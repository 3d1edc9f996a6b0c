"""Finding the records in a page of JSON whose envelope nobody documented.

Known of this family: a bare list, a list under ``data`` or beside ``metadata``, ``error`` and
``warnings``, with or without a total, and no list at all past the last page. A list counts as
the records when it is the only one that can be them; whatever else comes is refused, because
"no records" must never be read out of a shape that was not understood.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.framing import CutShortError
from synclog.exporter.source.problems import describe_problem, is_problem

Path: TypeAlias = tuple[str, ...]
"""The keys that lead to a list."""

_DEPTH = 3
_NAMES_RECORDS = ("log", "event", "data", "item", "record", "row", "result", "entr", "content")
"""Words in the name of a list that make it the records even when it is empty."""
_WARNINGS = frozenset(("warning", "warnings", "messages"))
_ERRORS = frozenset(("error", "errors"))
_NO_LISTS = _WARNINGS | _ERRORS | {"links"}
_TOTALS = frozenset(
    (
        "total",
        "totalcount",
        "totalelements",
        "totalitems",
        "totalrecords",
        "totalresults",
        "totalrows",
    )
)
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape in JSON; the group is half of a pair of surrogates without its other half."""
_COUNT = re.compile(rb"\d{1,18}")
_BOM = b"\xef\xbb\xbf"
_NOTHING = frozenset((b"null", b"[]", b"{}", b'""', b"false"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a source puts its records, as a page that had some showed."""

    path: Path
    keys: frozenset[str]
    """The keys at the top of the page."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one page holds."""

    envelope: Envelope | None
    """None where the envelope has no list."""
    records: list[bytes]
    """The records as served."""
    total: int | None
    """How many records there are on all pages, as the source says."""
    warned: bool
    """Whether the source sent warnings along."""

    @property
    def understood(self) -> bool:
        """Whether it is sure, from this page alone, that its list is the list of records."""
        return self.envelope is not None and (
            bool(self.records)
            or self.total == 0
            or not self.envelope.path
            or any(word in self.envelope.path[-1].lower() for word in _NAMES_RECORDS)
        )


def read_page(body: bytes, known: Envelope | None) -> Page:
    """Take a page apart.

    Args:
        body: the page.
        known: how a page of this source with records looked; None where none was seen. With it,
            a page of that look without the list is understood: there are no more records.

    Raises:
        CutShortError: the page ends too early.
        AnswerError: the page is no JSON, is an error, or has an envelope that is not understood.
    """
    body = body.removeprefix(_BOM)
    try:
        document = _decode(body)
    except (AnswerError, CutShortError):
        whole = _without_halves(body)
        if whole == body:
            raise
        body = whole
        document = _decode(body)
    lists: dict[Path, list[bytes]] = {}
    totals: set[int] = set()
    warned = False
    if isinstance(document, list):
        lists[()] = list(map(bytes, document))
        keys = frozenset[str]()
        if len(lists[()]) == 1 and is_problem(_plain(body)):
            raise _problem(body)
    else:
        keys = frozenset(document)
        for at, value in _walk(document, ()):
            name = at[-1].lower()
            if name in _ERRORS and value not in _NOTHING:
                raise _problem(body)
            if name in _WARNINGS:
                warned |= value not in _NOTHING
            elif name in _NO_LISTS:
                continue
            elif value[:1] == b"[":
                lists[at] = _elements(value)
            elif name.replace("_", "") in _TOTALS and _COUNT.fullmatch(value):
                totals.add(int(value))
    if len(totals) > 1:
        raise AnswerError("UnknownEnvelope", f"the page tells several totals: {sorted(totals)}")
    path = _choose(lists, known)
    if path is None:
        _check_without_list(body, document, known)
    return Page(
        None if path is None else Envelope(path, keys),
        [] if path is None else lists[path],
        totals.pop() if totals else None,
        warned,
    )


def _decode(body: bytes) -> list[Raw] | dict[str, Raw]:
    try:
        body.decode("utf-8")  # raw values are not checked by the decoder
        document: list[Raw] | dict[str, Raw] = msgspec.json.decode(
            body, type=list[Raw] | dict[str, Raw]
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if "truncated" in str(error) and body[:1] in (b"[", b"{"):
            raise CutShortError("the page ends inside its JSON") from error
        start = body[:100].decode("utf-8", "replace").strip()
        raise AnswerError(
            "UnexpectedContent",
            f"the source answered 200 with something that is no JSON page ({error}); it begins "
            f"with {start!r}",
        ) from error
    return document


def _without_halves(body: bytes) -> bytes:
    """The page with U+FFFD for every half of a character.

    A value that was cut in the middle of a character ends so. It is no text, and no decoder takes
    it; without this its window could never be exported.
    """
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], body)


def _problem(body: bytes) -> AnswerError:
    return AnswerError(
        "SourceProblem", f"the source answered 200 with an error: {describe_problem(body, ())}"
    )


def _walk(document: dict[str, Raw], above: Path) -> Iterator[tuple[Path, bytes]]:
    for key, raw in document.items():
        path, value = (*above, key), bytes(raw)
        yield path, value
        if value[:1] == b"{" and len(path) < _DEPTH and key.lower() not in _NO_LISTS:
            yield from _walk(msgspec.json.decode(value, type=dict[str, Raw]), path)


def _choose(lists: dict[Path, list[bytes]], known: Envelope | None) -> Path | None:
    if known is not None and known.path in lists:
        return known.path
    of_objects = [path for path, found in lists.items() if not found or found[0][:1] == b"{"]
    candidates = [path for path in of_objects if lists[path]] or of_objects
    if len(candidates) > 1:
        shown = ", ".join(map(_shown, candidates))
        raise AnswerError(
            "UnknownEnvelope", f"the page has several lists, and any may be the records: {shown}"
        )
    if candidates and known is not None:
        raise AnswerError(
            "UnknownEnvelope",
            f"the records are in {_shown(candidates[0])}, and were in {_shown(known.path)} in "
            "another page",
        )
    return candidates[0] if candidates else None


def _check_without_list(
    body: bytes, document: list[Raw] | dict[str, Raw], known: Envelope | None
) -> None:
    """See whether a page without a list is the known envelope without its list.

    An envelope of which nothing is known yet is left to the caller, who learns it elsewhere.
    """
    keys = frozenset(document) if isinstance(document, dict) else None
    if keys is not None and not is_problem(_shallow(document)):
        if known is None:
            return
        expected = known.keys - {known.path[0]} if len(known.path) == 1 else known.keys
        if known.path and expected <= keys <= known.keys:
            return
    start = body[:200].decode("utf-8", "replace").strip()
    raise AnswerError(
        "UnknownEnvelope", f"the source answered 200 with a page that has no records: {start!r}"
    )


def _shallow(document: list[Raw] | dict[str, Raw]) -> Any:
    assert isinstance(document, dict)
    return {key: _plain(bytes(value)) for key, value in document.items()}


def _plain(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # syntactically checked already: a number or a nesting beyond bounds


def _elements(value: bytes) -> list[bytes]:
    return list(map(bytes, msgspec.json.decode(value, type=list[Raw])))


def _shown(path: Path) -> str:
    return ".".join(path) or "the page itself"
