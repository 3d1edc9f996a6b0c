"""Which entries hold the events of a range of time."""

from collections.abc import Iterator

from synclog.exporter.errors import IntegrityError
from synclog.exporter.ledger.entries import Content, Entry, Publishing
from synclog.exporter.ledger.log import Head, Ledger
from synclog.exporter.ledger.rules import accounted, window_of
from synclog.windows import Window


def contents(ledger: Ledger, head: Head, window: Window) -> list[tuple[Window, Content]]:
    """What was committed for a window up to an entry, in the order of the ledger.

    Reads back from the head, and no further than to where nothing of the window was committed
    yet: what was exported lately is found by reading little.

    Raises:
        IntegrityError: an entry is missing or cannot be read.
    """
    found = []
    for entry in _backwards(ledger, head):
        record = entry.record
        if isinstance(record, Publishing):
            at = window_of(record.window)
            if at.overlaps(window):
                found.append((at, record.content))
        if not accounted(entry.so_far).overlaps(window):
            break
    return found[::-1]


def touched(ledger: Ledger, *, since: int, head: Head, window: Window) -> bool:
    """Whether an entry after number ``since`` brought records for a window."""
    for entry in _backwards(ledger, head):
        if entry.number <= since:
            return False
        record = entry.record
        if (
            isinstance(record, Publishing)
            and record.content.events
            and window_of(record.window).overlaps(window)
        ):
            return True
    return False


def _backwards(ledger: Ledger, head: Head) -> Iterator[Entry]:
    for number in range(head.number, 0, -1):
        found = ledger.entry(number)
        if found is None:
            raise IntegrityError("EntryMissing", f"ledger entry {number} is missing")
        yield found[0]
