"""The ledger: which windows are exported, proven by a chain of entries that only grows.

`entries` says what an entry holds, `rules` what may follow what (pure), `log` reads and
appends. docs/ledger.md tells auditors.
"""

from synclog.exporter.ledger.entries import (
    Adoption,
    Content,
    Entry,
    Identity,
    Lost,
    Part,
    Recheck,
    Record,
    SoFar,
    WindowRecord,
)
from synclog.exporter.ledger.log import Head, Ledger

__all__ = [
    "Adoption",
    "Content",
    "Entry",
    "Head",
    "Identity",
    "Ledger",
    "Lost",
    "Part",
    "Recheck",
    "Record",
    "SoFar",
    "WindowRecord",
]
