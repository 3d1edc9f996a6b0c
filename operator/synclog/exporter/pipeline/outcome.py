"""What became of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from synclog.exporter.ledger import Content, Head


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    head: Head
    reason: str
    message: str
    contents: Sequence[Content] = ()
    """What this run itself committed."""
    late: int = 0
    """Events among them that are additions to windows that were exported before."""
