"""The digest of a multiset of records."""

from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_128_intdigest

from synclog.exporter.source.digest import combine, multiset_sum, to_hex

records = st.lists(st.binary(max_size=20), max_size=40)


@given(records)
def test_it_is_the_sum_of_the_hashes(items: list[bytes]) -> None:
    assert multiset_sum(items) == sum(map(xxh3_128_intdigest, items)) % 2**128


@given(records, st.randoms())
def test_order_does_not_matter(items: list[bytes], chance: object) -> None:
    shuffled = list(items)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert multiset_sum(shuffled) == multiset_sum(items)


@given(records, records)
def test_unions_add_up(some: list[bytes], others: list[bytes]) -> None:
    assert combine(multiset_sum(some), multiset_sum(others)) == multiset_sum(some + others)


def test_more_than_one_batch() -> None:
    items = [b"%d" % at for at in range(10_000)]
    assert multiset_sum(items) == sum(map(xxh3_128_intdigest, items)) % 2**128


def test_identical_records_count() -> None:
    assert len({multiset_sum([b"x"] * count) for count in range(50)}) == 50


def test_it_never_changes() -> None:
    """Ledgers hold it: another value for the same records would make them all wrong."""
    assert to_hex(multiset_sum([b"a,b", b"a,b", b"c"])) == "bb99b3320469f5e540e00b97ada86817"
