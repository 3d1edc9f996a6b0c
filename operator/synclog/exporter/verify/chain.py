"""Following the chain of a ledger: each entry against the one before it."""

from collections.abc import Iterator

from synclog.exporter.errors import IntegrityError
from synclog.exporter.ledger import Entry, Head, Identity, Ledger, Recheck
from synclog.exporter.ledger.entries import Publishing
from synclog.exporter.ledger.rules import after, window_of
from synclog.exporter.verify.report import Finding
from synclog.windows import Window


def follow(ledger: Ledger, findings: list[Finding]) -> Iterator[tuple[Entry, Head]]:
    """Read the entries from 0 on, each with the head that it makes.

    What is wrong is added to ``findings``. The walk ends behind the last entry, or before one
    that cannot be read.

    Raises:
        ExportError: the destination cannot be read.
    """
    head: Head | None = None
    published: list[tuple[int, Window]] = []
    number = 0
    while True:
        try:
            found = ledger.entry(number)
            if found is None:
                return
            entry, digest = found
            head = _next(head, entry, digest, findings)
        except IntegrityError as error:
            findings.append(_finding(error, number))
            return
        if isinstance(entry.record, Publishing):
            window = window_of(entry.record.window)
            if isinstance(entry.record, Recheck):
                findings += _overtaken(number, window, entry.record.against, published)
            if entry.record.content.events:
                published.append((number, window))
        yield entry, head
        number += 1


def _next(before: Head | None, entry: Entry, digest: str, findings: list[Finding]) -> Head:
    if entry.previous != (before.digest if before else ""):
        findings.append(
            Finding(
                reason="ChainBroken",
                message="it does not follow the entry before it: one of the two was changed",
                entry=entry.number,
            )
        )
    identity = before.identity if before else entry.record
    if not isinstance(identity, Identity):
        raise IntegrityError("ChainBroken", "a ledger begins with its identity, this one does not")
    try:
        so_far = after(before.so_far if before else None, entry.record)
    except IntegrityError as error:
        findings.append(_finding(error, entry.number))
    else:
        if so_far != entry.so_far:
            findings.append(
                Finding(
                    reason="ChainBroken",
                    message="its running coverage and totals do not follow from what is before",
                    entry=entry.number,
                )
            )
    return Head(entry.number, digest, identity, entry.so_far)


def _overtaken(
    number: int, window: Window, against: int, published: list[tuple[int, Window]]
) -> list[Finding]:
    """A recheck must have known all that was published for its window before it."""
    for other, at in reversed(published):
        if other <= against:
            break
        if at.overlaps(window):
            message = f"it was compared without entry {other}: events may be in it twice"
            return [Finding(reason="RecheckOvertaken", message=message, entry=number)]
    return []


def _finding(error: IntegrityError, number: int) -> Finding:
    return Finding(reason=error.reason, message=error.message, entry=number)
