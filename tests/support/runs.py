"""Runs of the pipeline on a bench of `tests/unit/exporter`, and what they left behind."""

from collections import Counter

import msgspec
from msgspec.structs import replace

from synclog.api.output import OutputFormat
from synclog.api.run import Purpose
from synclog.exporter import pipeline
from synclog.exporter.ledger import Ledger
from synclog.exporter.query import Archive


def run(bench, window, *, index=0, site=None, form=OutputFormat.SOURCE, recheck="", **spec):
    """Run a window; with ``recheck``, a round, read it again."""
    told = bench.spec(window, **spec)
    told = replace(told, output=replace(told.output, format=form))
    if recheck:
        told = replace(told, purpose=Purpose.RECHECK, recheck=recheck)
    return pipeline.run(told, site or bench.site(), index=index)


def records(bench, destination=None):
    """What happened: the records of the ledger behind its identity."""
    ledger = Ledger(destination or bench.destination, clock=lambda: 0)
    head = ledger.head()
    return [ledger.entry(number)[0].record for number in range(1, head.number + 1)]


def events(bench, window, destination=None):
    """The events that the archive has, in order, as the bench's source writes its rows."""
    archive = Archive(destination or bench.destination, clock=lambda: 0)
    found = (
        msgspec.json.decode(record, type=dict[str, str | None])
        for _, record in archive.events(window, folder=bench.spool)
    )
    return [f"{each['logEventTimeStamp']},{each['username']}".encode() for each in found]


def exported(bench, window, destination=None):
    """The same, as a multiset."""
    return Counter(events(bench, window, destination))


def parts(bench):
    """The paths of all parts."""
    return [path for path in bench.destination.content if not path.startswith("_")]
