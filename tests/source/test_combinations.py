"""What the hazards do together: sources made by chance, each read event by event."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from devcluster.code42 import (
    Behaviour,
    Body,
    Bounds,
    Csv,
    Faults,
    Json,
    Order,
    Paging,
    Population,
    RowCap,
    Times,
    Tokens,
)
from devcluster.code42.behaviour import COLUMNS
from synclog.api.source import SourceFormat
from synclog.exporter.errors import SourceError

Bench = Callable[..., Any]
CAP = 130
"""More rows than any burst has, with the rows beside it."""


def honest(chance: Random) -> Behaviour:
    """A source that hides nothing, in one of the many shapes that are known of its family."""
    pick = chance.choice
    columns = chance.sample(COLUMNS, len(COLUMNS))
    capped = pick([True, False])
    return Behaviour(
        population=Population(
            events_per_day=pick([3, 40, 900]),
            awkward_share=0.5,
            identical_share=pick([0.0, 0.2]),
            burst_rows=pick([0, 40]),
        ),
        times=Times(fraction=pick([0, 3, 6, 9, "shortest"]), offset=pick(["Z", "+0000", "-05:00"])),
        csv=Csv(
            columns={column: column for column in columns},
            quoting=pick(["minimal", "all"]),
            byte_order_mark=pick([True, False]),
            line_end=pick(["\n", "\r\n"]),
            final_line_end=pick([True, False]),
            no_rows=pick(["header", "nothing"]),
        ),
        json=Json(
            wrap=pick(["bare", "data", "metadata", "siblings"]),
            list_key=pick(["directorySyncLogs", None]),
            total_key=pick(["totalCount", None]),
            missing=pick(["null", "absent", "empty"]),
            ascii_only=pick([True, False]),
        ),
        bounds=Bounds(after_inclusive=pick([True, False]), before_inclusive=pick([True, False])),
        order=Order(default=pick(["ascending", "descending", "shuffled"])),
        paging=Paging(
            base=pick([0, 1]),
            max_size=pick([15, 100, 500]),
            short_pages=pick([True, False]),
            past_end=pick(["empty", "missing_key", "not_found"]),
        ),
        row_cap=RowCap(rows=CAP if capped else None, total_is_capped=pick([True, False])),
        body=Body(
            framing=pick(["length", "chunked", "close"]),
            encoding=pick(["identity", "gzip", "gzip_two_members"]),
            force_encoding=True,
        ),
        tokens=Tokens(requests=pick([None, 20])),
        faults=Faults(
            retry_after=pick(["seconds", "date", "absent"]),
            # One of them and seldom, so that no request meets it at each of its six tries.
            **pick([{}, {"error_rate": 0.05}, {"throttle_rate": 0.05}, {"reset_rate": 0.05}]),
        ),
        error_shape=pick(["list", "problem", "spring", "html"]),
        date_skew_ms=pick([0, 120_000, -120_000]),
    )


@pytest.mark.parametrize("route", list(SourceFormat))
@pytest.mark.parametrize("seed", range(20))
def test_an_honest_source_is_read_whole(bench: Bench, route: SourceFormat, seed: int) -> None:
    with bench(honest(Random(seed)), route, max_rows_per_answer=CAP) as b:
        b.read_truly()


@pytest.mark.parametrize("cut", [{"cut_share": 0.9}, {"cut_bytes": 3_000}])
@pytest.mark.parametrize("seed", range(6))
def test_bodies_that_are_all_cut_are_read_whole_or_not_at_all(
    bench: Bench, seed: int, cut: dict[str, Any]
) -> None:
    population = Population(events_per_day=40, burst_rows=0, identical_share=0.2)
    body = Body(framing="close", **cut)
    behaviour = Behaviour(population=population, csv=honest(Random(seed)).csv, body=body)
    with bench(behaviour) as b:
        try:
            b.read_truly()
        except SourceError:
            return
