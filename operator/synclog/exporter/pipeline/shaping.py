"""From what the source served to what the parts shall hold: the same bytes, or the normal form."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from synclog.api.output import OutputFormat
from synclog.api.run import RunSpec
from synclog.api.source import SourceFormat
from synclog.exporter.errors import AnswerError
from synclog.exporter.ledger import Content
from synclog.exporter.normal import Normaliser
from synclog.exporter.pipeline.site import Site
from synclog.exporter.records import Batch, batches
from synclog.exporter.source import Reading
from synclog.exporter.source.digest import combine, multiset_sum, to_hex
from synclog.exporter.source.timestamps import Timestamps
from synclog.exporter.spool import RecordSpool
from synclog.windows import Instant, format_time


@dataclass(frozen=True, slots=True)
class Shaped:
    """The records of a window as they go into the parts."""

    spool: RecordSpool
    form: SourceFormat
    """How they are written: as JSON also where they are in normal form."""
    header: bytes
    """What every part begins with."""
    content: Content
    """What the entry says of them, without the parts."""
    reading: Reading
    """How they were read."""
    served: dict[str, Any]
    """For the evidence: what was served, where that is not in the parts."""

    @property
    def line_end(self) -> bytes:
        """What a record ends with that is written anew."""
        return b"\r\n" if self.header.endswith(b"\r\n") else self.header[-1:] or b"\n"

    def batches(self) -> Iterator[Batch]:
        """The records."""
        return _batches(self.spool, self.header, self.form)


@contextmanager
def shaped(spec: RunSpec, reading: Reading, served: RecordSpool, site: Site) -> Iterator[Shaped]:
    """Bring records that are proven complete into the form of the parts.

    Args:
        spec: tells the form.
        reading: what was read.
        served: its records.
        site: gives room for the normal form; it is given back at the end.

    Raises:
        AnswerError: a record cannot be brought into the normal form.
        DestinationError: the spool failed.
        Interrupted: told to stop.
    """
    content = Content(
        events=reading.events,
        bytes=reading.bytes,
        digest=reading.digest,
        columns=list(reading.columns),
        time_zone=spec.source.assume_time_zone or "",
        first=_text(reading.first),
        last=_text(reading.last),
    )
    if spec.output.format is OutputFormat.SOURCE:
        yield Shaped(served, spec.source.format, reading.header, content, reading, {})
        return
    zone = spec.source.assume_time_zone
    normaliser = Normaliser(Timestamps(ZoneInfo(zone) if zone else None))
    with RecordSpool(site.spool_folder) as spool:
        events = digest = 0
        for batch in _batches(served, reading.header, spec.source.format):
            site.check()
            lines = normaliser.lines(batch)
            spool.write(b"".join(line + b"\n" for line in lines))
            events += len(lines)
            digest = combine(digest, multiset_sum(lines))
        normal = Content(
            events=events,
            bytes=spool.tell(),
            digest=to_hex(digest),
            columns=normaliser.columns if events else [],
            first=_text(normaliser.first),
            last=_text(normaliser.last),
        )
        _check(content, normal)
        told = {"bytes": content.bytes, "digest": content.digest, "columns": content.columns}
        yield Shaped(spool, SourceFormat.JSON, b"", normal, reading, {"served": told})


def _batches(spool: RecordSpool, header: bytes, form: SourceFormat) -> Iterator[Batch]:
    if spool.tell():  # without records there may be no header either
        yield from batches(itertools.chain([header], spool.blocks(0, spool.tell())), form)


def _check(served: Content, normal: Content) -> None:
    """What is proven of the records as served holds for their normal form."""
    if (served.events, served.first, served.last) != (normal.events, normal.first, normal.last):
        raise AnswerError(
            "NotNormalisable",
            f"of {served.events} events from {served.first} to {served.last} the form JSONLines "
            f"has {normal.events} from {normal.first} to {normal.last}: the records were "
            "understood differently; output.format Source keeps records as they are served",
        )


def _text(instant: Instant | None) -> str:
    return "" if instant is None else format_time(instant)
