"""The evidence of an entry: how the source answered, and what protects the parts."""

from collections.abc import Sequence
from typing import Any

import msgspec

from synclog.exporter.destination import Destination
from synclog.exporter.ledger import Part
from synclog.exporter.source import Reading


def evidence_of(
    reading: Reading, destination: Destination, parts: Sequence[Part]
) -> dict[str, Any]:
    """The evidence for what was read and written; see docs/ledger.md.

    Args:
        reading: how the source answered.
        destination: where the parts are. It is asked what protects the first one.
        parts: those of the entry, already written.
    """
    guarantee = destination.guarantee(parts[0].path if parts else None)
    return {
        **msgspec.to_builtins(reading.evidence),
        "guarantee": msgspec.to_builtins(guarantee),
    }
