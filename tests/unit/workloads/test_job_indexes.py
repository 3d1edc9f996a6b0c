import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.jobcontroller.indexes import format_indexes, parse_indexes


@pytest.mark.parametrize(
    ("indexes", "text"),
    [
        ((), ""),
        ((7,), "7"),
        ((0, 1), "0,1"),
        ((0, 1, 2), "0-2"),
        ((5, 0, 2, 1, 3), "0-3,5"),
        ((1, 3, 4, 6, 7, 8), "1,3,4,6-8"),
    ],
)
def test_indexes_as_text(indexes, text):
    assert format_indexes(indexes) == text


@given(st.frozensets(st.integers(0, 300)))
def test_text_says_exactly_the_indexes(indexes):
    assert parse_indexes(format_indexes(indexes), 301) == indexes


@pytest.mark.parametrize(
    ("text", "indexes"),
    [("0-9", {0, 1, 2}), ("2,5", {2}), ("x,1", {1}), ("1-x,2", {2}), ("", set())],
)
def test_what_is_no_index_of_the_job_is_left_out(text, indexes):
    assert parse_indexes(text, 3) == indexes
