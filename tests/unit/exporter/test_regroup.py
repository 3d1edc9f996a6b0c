from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.regroup import regrouped


@given(st.lists(st.binary(max_size=20), max_size=8), st.integers(1, 9))
def test_blocks_have_one_size_whatever_came(blocks, size):
    whole = b"".join(blocks)
    expected = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert list(regrouped(blocks, size)) == expected


def test_a_block_of_the_right_size_is_not_copied():
    block = bytes(range(8))
    assert next(regrouped([block], 8)) is block
