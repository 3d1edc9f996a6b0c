"""A stream that runs ahead gives what it would give, errors included, and ends when left."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.ahead import ahead


@given(st.lists(st.integers(), max_size=40), st.integers(1, 5))
def test_items_come_in_order(items: list[int], depth: int) -> None:
    with ahead(items, depth) as taken:
        assert list(taken) == items


def test_an_error_comes_behind_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the third is missing")

    with ahead(items()) as taken:
        assert next(taken) == 1
        with pytest.raises(LookupError, match="third"):
            next(taken)


def test_it_runs_beside_the_one_who_takes() -> None:
    met = threading.Barrier(2, timeout=60)

    def items() -> Iterator[str]:
        yield "first"
        met.wait()
        yield "second"

    with ahead(items()) as taken:
        assert next(taken) == "first"
        met.wait()  # would break if nothing ran beside
        assert next(taken) == "second"


def test_leaving_early_ends_the_thread() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.set()

    endless = items()
    before = threading.active_count()
    with ahead(endless, depth=1) as taken:
        assert next(taken) == 0
    assert threading.active_count() == before
    endless.close()
    assert closed.is_set()
