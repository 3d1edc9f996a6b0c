"""What pages by number leave open where records are alike, and the requests that settle it."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeAlias

from synclog.api.source import SortDirection
from synclog.exporter.source.digest import multiset_sum

_ROUNDS = 3

Sized: TypeAlias = Callable[[int, int], Sequence[bytes]]
"""The records of a page, by its number and the size of pages."""
Sorted: TypeAlias = Callable[[int, int, SortDirection], Sequence[bytes]]
"""The same, in this direction."""


def is_one_page(records: Sequence[bytes], fetch: Sized) -> bool:
    """Whether pages 0 and 1, which show the same records, are surely the first page twice.

    Most sources that count from 1 show their first page for 0 as well. But identical records can
    be genuine and fill two pages, and who began with page 1 would miss the first. With pages of
    one record, page n + 1 is beyond the n records of page 1, or another record, if pages count
    from 1; if they count from 0, it is one of the n. A source that orders them anew for each page
    shows another record by chance as well, but hardly the same n again and again.

    Args:
        records: what both pages show.
        fetch: reads other pages.
    """
    if len(records) == 1 or len(fetch(1, 1)) != 1:
        return False  # pages cannot be smaller, or the source does not heed their size
    for _ in range(_ROUNDS):
        beyond = fetch(len(records) + 1, 1)
        if not beyond:
            return True
        again = fetch(1, len(records))
        if beyond[0] in records or multiset_sum(again) != multiset_sum(records):
            return False
    return True


def is_whole(lines: list[bytes], first: int, fetch: Sorted) -> bool:
    """Whether the records of one timestamp that came on several pages are all that there are.

    The source may order them anew for each page. Then it shows one twice where it leaves out
    another; so none was left out if all are different. If not, readings in either order and with
    other pages must all give the same records, so often that chance does not.

    Args:
        lines: the records.
        first: number of the first page.
        fetch: the records of the timestamp alone, by page.
    """
    if len(set(lines)) == len(lines):
        return True
    size = len(fetch(first, len(lines), SortDirection.ASC))
    sizes = (size, max(size - 1, 1))
    for _, each, direction in product(range(_ROUNDS), sizes, SortDirection):
        again: list[bytes] = []
        number = first
        while len(again) <= len(lines) and (page := fetch(number, each, direction)):
            again += page
            number += 1
        if multiset_sum(again) != multiset_sum(lines):
            return False
    return True
