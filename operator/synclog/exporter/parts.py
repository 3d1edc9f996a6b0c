"""Parts: the files that hold the records. Written complete, named by what they hold."""

import functools
import itertools
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from synclog.api.output import Compression, Output
from synclog.api.source import SourceFormat
from synclog.exporter.ahead import ahead
from synclog.exporter.codec import SUFFIXES, Digest, compressed
from synclog.exporter.destination import Destination, Draft
from synclog.exporter.errors import IntegrityError
from synclog.exporter.lanes import Lanes
from synclog.exporter.ledger import Part
from synclog.exporter.spool import RecordSpool
from synclog.windows import Instant, Window, to_datetime

_EXTENSIONS = {SourceFormat.CSV: "csv", SourceFormat.JSON: "jsonl"}
_LANES = 4
"""Parts that are on their way at a time, where they are small enough to be held in memory."""


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

    The same records make the same names, so who repeats this finds the parts of before. While
    parts are on their way the next one is packed, as far as the destination has room for that;
    after an error nothing new is begun and what is on its way is waited for.

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
        DestinationError: the destination fails.
    """
    stem = f"{output.layout.format(**_fields(window.start))}/" if output.layout else ""
    stem += f"{_compact(window.start)}_{_compact(window.end)}_{label}"
    suffix = f".{_EXTENSIONS[source_format]}{SUFFIXES[output.compression]}"
    with Lanes(destination.room, count=_LANES, check=check) as lanes:
        return [
            _write(
                destination,
                itertools.chain([header] if header else [], spool.blocks(start, end)),
                output.compression,
                name=f"{stem}{index:03d}",
                suffix=suffix,
                check=check,
                lanes=lanes,
            )
            for index, (start, end) in enumerate(spool.cuts(destination.part_size))
        ]


def _write(
    destination: Destination,
    blocks: Iterable[bytes],
    compression: Compression,
    *,
    name: str,
    suffix: str,
    check: Callable[[], None],
    lanes: Lanes,
) -> Part:
    """Pack a part and send it on its way."""
    plain = Digest()
    # Without compression the two are the same bytes: hashing them once is enough.
    stored = plain if compression is Compression.NONE else Digest()
    with ExitStack() as stack:
        draft = stack.enter_context(destination.draft())
        with ahead(plain.of(blocks)) as hashed:
            packed = compressed(hashed, compression)
            for block in packed if stored is plain else stored.of(packed):
                check()
                draft.write(block)
        path = f"{name}_{stored.hexdigest()[:16]}{suffix}"
        check()
        lanes.wait_for(stored.size)
        publish = functools.partial(
            _publish, stack.pop_all(), draft, destination, path, stored.hexdigest()
        )
    lanes.start(publish, stored.size)
    return Part(
        path=path,
        compression=compression,
        bytes=plain.size,
        stored_bytes=stored.size,
        sha256=plain.hexdigest(),
        stored_sha256=stored.hexdigest(),
    )


def _publish(
    end: ExitStack, draft: Draft, destination: Destination, path: str, digest: str
) -> None:
    """Publish a draft and end it."""
    with end:
        if not draft.publish(path):
            _compare(destination, path, digest)


def _compare(destination: Destination, path: str, digest: str) -> None:
    """Make sure that the part that exists under a name is the one that was to be written."""
    found = Digest()
    for _ in found.of(destination.blocks(path)):
        pass
    if found.hexdigest() != digest:
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
