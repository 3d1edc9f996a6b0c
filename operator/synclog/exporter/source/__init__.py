"""The source side of the exporter: windows of the Sync Log, read exactly and proven complete.

::

    reader      SourceReader.read(window, spool) -> Reading
    proof       is the answer complete? if not, in parts
    csv_route   one answer, streamed          json_route   pages, several under way at once
    csv_scan    records and their times       envelope     where in a page the records are
    paging      have pages moved?             page_doubts  equal pages, and equal times
    transport   retries, checks, the clock    tokens       a fresh one in time
"""

from synclog.exporter.source.answer import Progress, Spool
from synclog.exporter.source.clock import Clock, ClockReading, StopSignal, SystemClock
from synclog.exporter.source.credentials import (
    ApiClient,
    BearerToken,
    Credentials,
    UserPassword,
    load_credentials,
)
from synclog.exporter.source.evidence import AnswerEvidence, Bound, Evidence, Proof
from synclog.exporter.source.reader import Reading, SourceReader

__all__ = [
    "AnswerEvidence",
    "ApiClient",
    "BearerToken",
    "Bound",
    "Clock",
    "ClockReading",
    "Credentials",
    "Evidence",
    "Progress",
    "Proof",
    "Reading",
    "SourceReader",
    "Spool",
    "StopSignal",
    "SystemClock",
    "UserPassword",
    "load_credentials",
]
