"""Comparing the parts of one entry with what the entry says of them, byte by byte."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from synclog.api.source import SourceFormat
from synclog.exporter.codec import Digest, bounded, decompressed
from synclog.exporter.destination import Destination
from synclog.exporter.errors import IntegrityError
from synclog.exporter.ledger import Content, Part
from synclog.exporter.records import batches
from synclog.exporter.source.digest import combine, multiset_sum, to_hex
from synclog.exporter.verify.report import Finding


@dataclass(slots=True)
class Checked:
    """What was found in the parts of an entry."""

    parts: int = 0
    events: int = 0
    bytes: int = 0
    """Before compression."""
    digest: int = 0
    findings: list[Finding] = field(default_factory=list)


def check_content(
    destination: Destination,
    content: Content,
    present: Sequence[Part],
    form: SourceFormat,
) -> Checked:
    """Read the parts of an entry, decompress them, count their records.

    Args:
        destination: where they are.
        content: what the entry says.
        present: its parts that are there.
        form: how the records are written.
    """
    checked = Checked()
    for part in present:
        _check_part(destination, part, form, checked)
    if len(present) < len(content.parts) or checked.findings:
        return checked  # the sums cannot agree, and why is said
    if checked.events != content.events or (
        content.events and to_hex(checked.digest) != content.digest
    ):
        checked.findings.append(
            Finding(
                reason="ContentDiffers",
                message=f"the entry says {content.events} events with digest "
                f"{content.digest or 'none'}; its parts hold {checked.events} with "
                f"{to_hex(checked.digest)}",
            )
        )
    return checked


def _check_part(destination: Destination, part: Part, form: SourceFormat, checked: Checked) -> None:
    stored, plain = Digest(), Digest()
    try:
        blocks = decompressed(stored.of(destination.blocks(part.path)), part.compression)
        for batch in batches(plain.of(bounded(blocks, part.bytes)), form):
            checked.events += len(batch.records)
            checked.digest = combine(checked.digest, multiset_sum(batch.records))
    except IntegrityError as error:
        checked.findings.append(Finding(reason=error.reason, message=error.message, path=part.path))
        return
    checked.parts += 1
    checked.bytes += plain.size
    if (stored.size, stored.hexdigest()) != (part.stored_bytes, part.stored_sha256):
        message = "its bytes are not those that were written"
    elif (plain.size, plain.hexdigest()) != (part.bytes, part.sha256):
        message = "its content is not the one that was written"
    else:
        return
    checked.findings.append(Finding(reason="PartDamaged", message=message, path=part.path))
