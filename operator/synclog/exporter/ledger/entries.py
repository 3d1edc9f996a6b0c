"""What an entry of the ledger holds, and its form as bytes. docs/ledger.md tells auditors."""

import hashlib
import itertools
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct, field

from synclog.api import rounds
from synclog.api.output import Compression, OutputFormat
from synclog.api.run import Owner, Totals, WindowText
from synclog.api.source import SourceFormat
from synclog.exporter.errors import IntegrityError
from synclog.windows import Window, parse_time

FOLDER = "_synclog/ledger"
"""Folder of the entries. Query engines skip names that begin with an underscore."""

FORMAT = "synclog.dev/ledger/v1"
"""Named by entry 0; a reader that does not know it must not guess."""


class _Model(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    pass


class Part(_Model, frozen=True, kw_only=True):
    """A file of records."""

    path: str
    """Relative to the destination, so that a copy of it verifies."""
    compression: Compression
    bytes: int
    """Bytes before compression: the header, where there is one, and the records."""
    stored_bytes: int
    sha256: str
    """Of the bytes before compression, in hex."""
    stored_sha256: str
    """Of the bytes as stored, in hex."""


class Content(_Model, frozen=True, kw_only=True):
    """The records that an entry publishes."""

    events: int = 0
    bytes: int = 0
    """Bytes of the records, before compression, without headers."""
    digest: str = ""
    """Order-independent digest of the records as a multiset; see docs/ledger.md."""
    columns: list[str] = field(default_factory=list)
    time_zone: str = ""
    """Zone that times without one were read in; empty where there can be none."""
    first: str = ""
    """Smallest time stamp; empty where there is no record."""
    last: str = ""
    """Largest time stamp."""
    parts: list[Part] = field(default_factory=list)


class SoFar(_Model, frozen=True, kw_only=True):
    """What the ledger comes to up to and with an entry, so that the newest one tells all."""

    owner: Owner
    coverage: list[WindowText] = field(default_factory=list)
    """Exported windows, merged."""
    lost: list[WindowText] = field(default_factory=list)
    """Windows that the source forgot before they were exported, merged."""
    rechecked: dict[str, list[WindowText]] = field(default_factory=dict)
    """Windows that had each round of rechecks, merged."""
    totals: Totals = field(default_factory=Totals)


class Identity(_Model, frozen=True, kw_only=True, tag_field="kind", tag="identity"):
    """Entry 0: whose ledger this is and what it holds. None of it ever changes."""

    format: str
    id: str
    """Random; tells this ledger from every other."""
    tenant: str
    source_format: SourceFormat
    output_format: OutputFormat
    coverage_start: str
    """Gaps are counted from here."""
    owner: Owner
    """The first owner; `SoFar.owner` is the one of now."""

    @property
    def stored_form(self) -> SourceFormat:
        """How records are written in parts: as JSON also where they are in normal form."""
        normal = self.output_format is OutputFormat.JSON_LINES
        return SourceFormat.JSON if normal else self.source_format


class WindowRecord(_Model, frozen=True, kw_only=True, tag_field="kind", tag="window"):
    """Every event of the window that the source showed, proven complete."""

    window: WindowText
    rounds: list[str] = field(default_factory=list)
    """Rounds of rechecks that it needs no more, because it was old enough when it was read."""
    content: Content
    evidence: dict[str, Any]


class Lost(_Model, frozen=True, kw_only=True, tag_field="kind", tag="lost"):
    """A window that the source had begun to forget when it was asked.

    The content is what it still showed. Nobody can say whether that is all.
    """

    window: WindowText
    content: Content
    evidence: dict[str, Any]


class Recheck(_Model, frozen=True, kw_only=True, tag_field="kind", tag="recheck"):
    """An exported window that was read again; written also when nothing was found.

    The content is what was late: events that the source shows and that the entries up to
    `against` do not have, as often as they are missing.
    """

    window: WindowText
    rounds: list[str]
    """How old the window was, at least; see `RunSpec.recheck`."""
    against: int
    """Number of the entry up to which the ledger was compared."""
    served: int
    """Events that the source shows now."""
    vanished: int = 0
    """Events that the ledger has and the source does not show any more. They stay."""
    vanished_digest: str = ""
    """Order-independent digest of their canonical forms; see docs/ledger.md."""
    content: Content
    evidence: dict[str, Any]


class Adoption(_Model, frozen=True, kw_only=True, tag_field="kind", tag="adoption"):
    """The ledger passed to another owner, who asked for it."""

    owner: Owner
    before: Owner


Publishing: TypeAlias = WindowRecord | Lost | Recheck
"""The records that publish events of a window."""

Record: TypeAlias = Identity | WindowRecord | Lost | Recheck | Adoption


class Entry(_Model, frozen=True, kw_only=True):
    """One file of the ledger."""

    number: int
    """Its place in the log, from 0; also its file name."""
    previous: str
    """SHA-256 of the bytes of the entry before it, in hex; empty in entry 0."""
    written: str
    """Time of the writer's clock."""
    version: str
    """Version of the exporter that wrote it."""
    record: Record
    so_far: SoFar


_decoder = msgspec.json.Decoder(Entry)


def path_of(number: int) -> str:
    """Where an entry is stored: its number in 20 digits, so that names sort like numbers."""
    return f"{FOLDER}/{number:020d}.json"


def encode(entry: Entry) -> bytes:
    """The bytes of an entry: JSON, indented for people, with a final line feed."""
    return msgspec.json.format(msgspec.json.encode(entry), indent=2) + b"\n"


def decode(data: bytes, *, number: int) -> Entry:
    """Read the bytes of the entry that is stored under ``number``.

    Raises:
        IntegrityError: they are no entry, or one of another number, or of a newer form.
    """
    try:
        entry = _decoder.decode(data)
        _check_texts(entry)
    except (
        msgspec.DecodeError,
        ValueError,
        OSError,
        ZoneInfoNotFoundError,
        RecursionError,
    ) as error:
        raise IntegrityError(
            "LedgerUnreadable",
            f"ledger entry {number} cannot be read ({error}): it was damaged, or a newer "
            "exporter wrote it; restore the file, or use the newer version",
        ) from error
    if entry.number != number:
        raise IntegrityError(
            "LedgerUnreadable", f"ledger entry {number} says that it is number {entry.number}"
        )
    if isinstance(entry.record, Identity) and entry.record.format != FORMAT:
        raise IntegrityError(
            "LedgerUnreadable",
            f"the ledger has the form {entry.record.format}; this version reads {FORMAT}: use the "
            "version that wrote it",
        )
    return entry


def _check_texts(entry: Entry) -> None:
    """See whether times, windows, rounds and zones are what they should be.

    Raises:
        ValueError: one is not.
        ZoneInfoNotFoundError, OSError: the same of a zone.
    """
    record, so_far = entry.record, entry.so_far
    windows = [*so_far.coverage, *so_far.lost, *itertools.chain(*so_far.rechecked.values())]
    names = [*so_far.rechecked]
    if isinstance(record, Identity):
        parse_time(record.coverage_start)
    if isinstance(record, Publishing):
        content = record.content
        windows.append(record.window)
        if content.events:
            Window(parse_time(content.first), parse_time(content.last) + 1)
        if content.time_zone:
            ZoneInfo(content.time_zone)
    if isinstance(record, WindowRecord | Recheck):
        names += record.rounds
    for text in windows:
        Window(parse_time(text.start), parse_time(text.end))
    for name in names:
        rounds.counts_from(name, Window(0, 1))


def digest(data: bytes) -> str:
    """What the next entry says of the bytes of this one: SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
