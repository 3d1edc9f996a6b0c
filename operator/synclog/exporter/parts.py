"""Parts: the files that hold the records. Written complete, named by what they hold."""

import itertools
from collections.abc import Callable, Iterable

from synclog.api.output import Compression, Output
from synclog.api.source import SourceFormat
from synclog.exporter.codec import SUFFIXES, Digest, compressed
from synclog.exporter.destination import Destination
from synclog.exporter.errors import IntegrityError
from synclog.exporter.ledger import Part
from synclog.exporter.spool import RecordSpool
from synclog.windows import Instant, Window, to_datetime

_EXTENSIONS = {SourceFormat.CSV: "csv", SourceFormat.JSON: "jsonl"}


def write_parts(
    destination: Destination,
    spool: RecordSpool,
    *,
    window: Window,
    header: bytes,
    source_format: SourceFormat,
    output: Output,
    check: Callable[[], None],
    label: str = "",
) -> list[Part]:
    """Write the records of a window as parts, each one published by a single creation.

    The same records make the same names, so who repeats this finds the parts of before.

    Args:
        destination: where to.
        spool: the records, proven complete.
        window: the window that they are of.
        header: what every part begins with.
        source_format: gives the extension.
        output: compression and folders.
        check: called about every MiB; raises to stop.
        label: tells the parts of another kind of entry for the same window apart.

    Raises:
        IntegrityError: a part of this name exists and holds something else.
    """
    stem = f"{output.layout.format(**_fields(window.start))}/" if output.layout else ""
    stem += f"{_compact(window.start)}_{_compact(window.end)}_{label}"
    suffix = f".{_EXTENSIONS[source_format]}{SUFFIXES[output.compression]}"
    parts = []
    for index, (start, end) in enumerate(spool.cuts(destination.part_size)):
        records = itertools.chain([header] if header else [], spool.blocks(start, end))
        part = _write(
            destination,
            records,
            output.compression,
            name=f"{stem}{index:03d}",
            suffix=suffix,
            check=check,
        )
        parts.append(part)
    return parts


def _write(
    destination: Destination,
    blocks: Iterable[bytes],
    compression: Compression,
    *,
    name: str,
    suffix: str,
    check: Callable[[], None],
) -> Part:
    plain = Digest()
    # Without compression the two are the same bytes: hashing them once is enough.
    stored = plain if compression is Compression.NONE else Digest()
    with destination.draft() as draft:
        packed = compressed(plain.of(blocks), compression)
        for block in packed if stored is plain else stored.of(packed):
            check()
            draft.write(block)
        path = f"{name}_{stored.hexdigest()[:16]}{suffix}"
        check()
        if not draft.publish(path):
            _compare(destination, path, stored)
    return Part(
        path=path,
        compression=compression,
        bytes=plain.size,
        stored_bytes=stored.size,
        sha256=plain.hexdigest(),
        stored_sha256=stored.hexdigest(),
    )


def _compare(destination: Destination, path: str, wanted: Digest) -> None:
    """Make sure that the part that exists under a name is the one that was to be written."""
    found = Digest()
    for _ in found.of(destination.blocks(path)):
        pass
    if found.hexdigest() != wanted.hexdigest():
        raise IntegrityError(
            "PartDiffers",
            f"{path} exists and does not hold what its name says: it was changed or damaged; "
            "move it away and run the export again",
        )


def _compact(instant: Instant) -> str:
    return to_datetime(instant).strftime("%Y%m%dT%H%M%S") + f"{instant % 1000:03d}Z"


def _fields(instant: Instant) -> dict[str, str]:
    moment = to_datetime(instant)
    return {
        "year": f"{moment.year:04d}",
        "month": f"{moment.month:02d}",
        "day": f"{moment.day:02d}",
        "hour": f"{moment.hour:02d}",
    }
