"""What an auditor can read later about how a window was read: bounded in size, without secrets."""

from enum import Enum

from msgspec import field

from synclog.api.fields import Model

ANSWERS_KEPT = 50
"""HTTP answers that are listed one by one; the others are only counted."""


class Proof(Enum):
    """What says that nothing is missing."""

    TOTAL = "total"
    """The source told how many records there are, and that many came."""
    FRAMED = "framed"
    """Each body told its own end, and there were fewer records than any cap would leave."""
    FOLLOWED = "followed"
    """A body did not tell its end, but in order of time, a later record came after all of these."""
    HALVES = "halves"
    """The records were read again in parts, and the parts together are the whole."""


class Bound(Enum):
    """How a bound of the query behaved."""

    INCLUSIVE = "inclusive"
    """A record with the very instant of the bound was served."""
    UNSEEN = "unseen"
    """No such record was served: exclusive, or there is none."""


class AnswerEvidence(Model, frozen=True, kw_only=True):
    """One HTTP answer."""

    query: str
    """Path and query that were asked."""
    status: int
    date: str
    """The ``Date`` header."""
    framing: str
    """How the end of the body was known: contentLength, chunked or close."""
    rows: int
    bytes: int
    """Bytes of the body."""


class Evidence(Model, frozen=True, kw_only=True):
    """How one window was read."""

    host: str
    tenant: str
    format: str
    proof: Proof
    """The weakest proof among the parts of the window."""
    parts: int
    """Parts that the window was read in; more than 1 where the proof needed halves."""
    answers: list[AnswerEvidence] = field(default_factory=list)
    """The answers whose records were taken: the first and the last of them."""
    answers_omitted: int = 0
    answers_digest: str = ""
    """SHA-256 over the queries of all these answers, in order, one a line."""
    requests: int = 0
    """Requests that were sent, tokens and retries included."""
    retries: int = 0
    rows: int = 0
    """Records served in the answers that were taken."""
    rows_outside: int = 0
    """Records among them that are outside the window and were dropped."""
    lower_bound: Bound = Bound.UNSEEN
    upper_bound: Bound = Bound.UNSEEN
    page_base: int | None = None
    """Number of the first page, where the JSON route was read."""
    page_size: int | None = None
    """Records in the largest page."""
    server_time: str = ""
    """The source's clock when the reading was over."""
    clock_offset_ms: int = 0
    """How far the source's clock is ahead of the local one."""
    retention_deadline: str = ""
    """The instant before which the source forgot its records, by its clock and its retention."""
