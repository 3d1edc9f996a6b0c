"""Records that are alike on pages by number, against a model of a source with pages."""

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.api.source import SortDirection
from synclog.exporter.source.page_doubts import is_one_page, is_whole

few_kinds = st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=14)


@dataclass
class Pages:
    """A source of some records, with pages of at most `most`, counted from `base`."""

    records: list[bytes]
    base: int
    most: int
    chance: Random | None = None
    """Orders the records anew for each page; None: they stay in order."""

    def page(self, number: int, size: int, direction: SortDirection) -> list[bytes]:
        ordered = list(self.records)
        if direction is SortDirection.DESC:
            ordered.reverse()
        if self.chance:
            self.chance.shuffle(ordered)
        at = max(number - self.base, 0) * min(size, self.most)
        return ordered[at : at + min(size, self.most)]

    def sized(self, number: int, size: int) -> list[bytes]:
        return self.page(number, size, SortDirection.ASC)


@given(few_kinds, st.integers(1, 5))
def test_two_pages_alike_are_never_taken_for_one(records: list[bytes], most: int) -> None:
    source = Pages(records, 0, most)
    zero, one = source.sized(0, 9), source.sized(1, 9)
    if Counter(zero) == Counter(one):
        assert not is_one_page(one, source.sized)


@pytest.mark.parametrize("seed", range(50))
def test_two_pages_alike_by_chance_are_not_taken_for_one(seed: int) -> None:
    source = Pages([b"a", b"b", b"b", b"c", b"c"], 0, 2, chance=Random(seed))
    assert not is_one_page([b"b", b"c"], source.sized)


@given(few_kinds, st.integers(2, 5))
def test_the_first_page_twice_is_one_page(records: list[bytes], most: int) -> None:
    source = Pages(records, 1, most)
    one = source.sized(1, 9)
    known = is_one_page(one, source.sized)
    assert known or len(one) == 1 or records[most] in one


@given(few_kinds, st.integers(1, 5), st.integers(0, 1))
def test_records_in_a_steady_order_are_whole(records: list[bytes], most: int, base: int) -> None:
    source = Pages(records, base, most)
    assert is_whole(records, base, source.page)
    assert is_whole(records[::-1], base, source.page)


def shown(source: Pages) -> list[bytes]:
    found: list[bytes] = []
    number = source.base
    while page := source.sized(number, source.most):
        found += page
        number += 1
    return found


@given(st.integers(2, 14), st.integers(2, 5), st.integers(0, 2**32))
def test_where_all_are_different_none_was_left_out(count: int, most: int, seed: int) -> None:
    source = Pages([b"%d" % at for at in range(count)], 1, most, Random(seed))
    lines = shown(source)
    if len(set(lines)) == len(lines):
        assert is_whole(lines, 1, source.page)
        assert sorted(lines) == sorted(source.records)


def test_one_shown_twice_for_another_is_not_whole() -> None:
    source = Pages([b"a", b"a", b"b", b"c", b"d"], 1, 2, Random(1))
    for _ in range(200):
        lines = shown(source)
        if Counter(lines) != Counter(source.records):
            assert not is_whole(lines, 1, source.page)
