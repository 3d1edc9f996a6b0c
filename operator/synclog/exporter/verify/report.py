"""What a verification says."""

from enum import Enum

from msgspec import Struct, field

from synclog.api.run import LedgerHead, Owner, Totals, WindowText


class Verdict(Enum):
    """The answer to: can I prove that this archive is complete?"""

    COMPLETE = "complete"
    """Everything from the start of coverage to its end is here, unchanged."""
    GAPS = "gaps"
    """What is here is unchanged; but windows are missing, lost or expired, or none is there yet."""
    BROKEN = "broken"
    """Something was changed, damaged or removed. The findings say what."""


def printable(text: str) -> str:
    """A text that others may have made up, on one line and without signs that steer a terminal.

    Names of files may hold any byte. What is no text stands for such bytes, and is told as well.
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


class _Model(Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Finding(_Model, frozen=True, kw_only=True):
    """One thing that is wrong."""

    reason: str
    """CamelCase: ChainBroken, LedgerUnreadable, PartMissing, PartDamaged, …"""
    message: str
    entry: int | None = None
    """Number of the ledger entry that it is about."""
    path: str | None = None
    """The file that it is about."""


class Report(_Model, frozen=True, kw_only=True):
    """The result of a verification."""

    verdict: Verdict
    destination: str
    verified_at: str
    version: str
    ledger: LedgerHead | None = None
    tenant: str = ""
    owner: Owner | None = None
    coverage_start: str = ""
    covered_until: str = ""
    """Everything from the start of coverage to here is exported or known to be lost."""
    coverage_end: str = ""
    """End of the newest exported window."""
    coverage: list[WindowText] = field(default_factory=list)
    gaps: list[WindowText] = field(default_factory=list)
    """Windows between the start and the end of coverage that are not exported."""
    lost: list[WindowText] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    proofs: dict[str, int] = field(default_factory=dict)
    """How many exported windows each kind of proof says the completeness of; see docs/ledger.md."""
    entries: int = 0
    parts_checked: int = 0
    events_checked: int = 0
    bytes_checked: int = 0
    expired: list[str] = field(default_factory=list)
    """Oldest parts that are gone while all newer ones are there: a life cycle rule's work."""
    litter: list[str] = field(default_factory=list)
    """Files that no entry names: of exporters that were killed, or that are writing now."""
    findings: list[Finding] = field(default_factory=list)
