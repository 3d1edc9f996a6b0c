"""The JSON route: envelopes, pages, and pages that mislead."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devcluster.code42 import (
    Behaviour,
    Event,
    Json,
    Order,
    Paging,
    Population,
    RowCap,
    Times,
    from_json_lines,
)
from devcluster.code42.truth import canonical, from_record
from synclog.windows import Window


def pages(client: Any, size: int, first: int = 1, **more: str) -> Iterator[list[dict[str, Any]]]:
    """All pages up to the first empty one."""
    for number in range(first, first + 1000):
        rows = client.rows(number, size, **more)
        if not rows:
            return
        yield rows
    raise AssertionError("the pages do not end")


def read(client: Any, size: int, first: int = 1, **more: str) -> list[Event]:
    return [from_record(row) for page in pages(client, size, first, **more) for row in page]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(),
        Behaviour(json=Json(ascii_only=True, missing="absent")),
        Behaviour(json=Json(missing="empty"), times=Times(fraction=9, offset="+0000")),
        Behaviour(paging=Paging(short_pages=True)),
        Behaviour(population=Population(bulk_bytes_per_day=500_000)),
    ],
    ids=["default", "ASCII, values absent", "values empty, nanoseconds", "short pages", "bulk"],
)
def test_the_pages_are_the_truth(
    connect: Callable, behaviour: Behaviour, yesterday: Window
) -> None:
    client = connect(behaviour)
    events = read(client, 97, sortColumn="logEventTimeStamp", sortDirection="asc")
    assert len(events) > 100
    assert Counter(events) == client.source.truth.multiset(yesterday)
    assert client.page(1, 10).json()["data"]["totalCount"] == len(events)


ROW = {"logEventTimeStamp": "2026-06-15T11:00:00.000Z"}


@pytest.mark.parametrize(
    ("shape", "document"),
    [
        (Json(), {"data": {"directorySyncLogs": [ROW], "totalCount": 1}}),
        (Json(list_key="rows", total_key=None), {"data": {"rows": [ROW]}}),
        (Json(wrap="bare"), {"directorySyncLogs": [ROW], "totalCount": 1}),
        (Json(wrap="bare", list_key=None), [ROW]),
        (Json(list_key=None), {"data": [ROW], "totalCount": 1}),
        (Json(list_key=None, total_error=-1), {"data": [ROW], "totalCount": 0}),
        (
            Json(wrap="siblings", list_key=None, total_key=None),
            {"data": [ROW], "error": None, "warnings": None},
        ),
        (
            Json(wrap="metadata", list_key=None),
            {
                "metadata": {"timestamp": "2026-06-15T12:00:00.000Z", "totalCount": 1},
                "data": [ROW],
            },
        ),
        (
            Json(wrap="metadata"),
            {
                "metadata": {"timestamp": "2026-06-15T12:00:00.000Z"},
                "data": {"directorySyncLogs": [ROW], "totalCount": 1},
            },
        ),
    ],
)
def test_envelopes(connect: Callable, now: int, shape: Json, document: object) -> None:
    client = connect(Behaviour(json=shape, population=Population(events_per_day=0, burst_rows=0)))
    client.source.add_late([Event(now - 3_600_000, "p", "u", "a")])

    def shortened(part: Any) -> Any:
        """The row is told by its timestamp alone."""
        if isinstance(part, dict) and "username" in part:
            return {name: part[name] for name in ROW}
        if isinstance(part, dict):
            return {name: shortened(value) for name, value in part.items()}
        return [shortened(item) for item in part] if isinstance(part, list) else part

    answer = client.page()
    assert answer.headers["content-type"].startswith("application/json")
    assert shortened(answer.json()) == document


@pytest.mark.parametrize(
    ("shape", "document"),
    [
        (Json(), {"data": {"totalCount": 0}}),
        (Json(wrap="bare", total_key=None), {}),
        (Json(list_key=None, wrap="siblings"), {"totalCount": 0, "error": None, "warnings": None}),
    ],
)
def test_the_list_key_is_missing_past_the_end(
    connect: Callable, shape: Json, document: object
) -> None:
    population = Population(events_per_day=0, burst_rows=0)
    client = connect(
        Behaviour(json=shape, paging=Paging(past_end="missing_key"), population=population)
    )
    assert client.page(2).json() == document
    assert client.page(1).json() != document, "the first page has its key, though it is empty"


def test_a_page_past_the_end_may_be_refused(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(past_end="not_found")))
    assert client.page(1).status_code == 200
    assert client.page(1000).status_code == 404


@pytest.mark.parametrize("missing", ["null", "absent", "empty"])
def test_how_a_missing_value_is_written(connect: Callable, now: int, missing: str) -> None:
    client = connect(
        Behaviour(json=Json(missing=missing), population=Population(events_per_day=0, burst_rows=0))
    )
    client.source.add_late([Event(now - 1, "p", "u", "SYNC_ERROR")])
    (row,) = client.rows(1, 10)
    assert ("field" in row) == (missing != "absent")
    assert row.get("field") == ("" if missing == "empty" else None)


def test_the_first_page_may_be_zero(connect: Callable, yesterday: Window) -> None:
    client = connect(Behaviour(paging=Paging(base=0)))
    assert Counter(read(client, 100, first=0)) == client.source.truth.multiset(yesterday)
    assert client.page().json() == client.page(0).json()


def test_page_sizes(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(max_size=50, default_size=20)))
    assert len(client.rows(1, 500)) == 50
    assert len(client.page().json()["data"]["directorySyncLogs"]) == 20
    client.source.behave(Behaviour(paging=Paging(max_size=50, oversize="refuse")))
    assert client.page(1, 51).status_code == 400
    assert client.page(1, 50).status_code == 200


@pytest.mark.parametrize(("number", "size"), [(0, 10), (-1, 10), (1, 0)])
def test_bad_page_parameters_are_refused(connect: Callable, number: int, size: int) -> None:
    assert connect().page(number, size).status_code == 400


def test_short_pages_do_not_mean_the_end(connect: Callable) -> None:
    sizes = [len(page) for page in pages(connect(Behaviour(paging=Paging(short_pages=True))), 40)]
    assert min(sizes[:-1]) < 40
    assert max(sizes) <= 40


def test_an_ignored_page_number(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(ignore_number=True)))
    assert client.rows(1, 10) == client.rows(2, 10) == client.rows(3, 10)


def test_a_repeated_page(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(repeat_page=3)))
    first, second, third, fourth = (client.rows(number, 10) for number in (1, 2, 3, 4))
    assert second == third
    assert len({json.dumps(page) for page in (first, second, fourth)}) == 3


def test_hostility_ends_when_told(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(ignore_number=True), hostile_from=2, hostile_until=3))
    first, second, third, fourth = (client.rows(2, 10) for _ in range(4))
    assert second == third
    assert first == fourth != second


def test_rows_inserted_while_paging(connect: Callable, yesterday: Window) -> None:
    client = connect(Behaviour(paging=Paging(insert_rows=2)))
    before = client.source.truth.multiset(yesterday)
    read_rows = Counter(read(client, 50, sortColumn="logEventTimeStamp"))
    added = client.source.truth.multiset(yesterday) - before
    assert added.total() == 2
    assert all(event.new_value.startswith("inserted while paging") for event in added)
    assert (read_rows - before - added).total() > 0, "a row should have been read twice"
    assert Counter(read(client, 50)) == client.source.truth.multiset(yesterday), "it settles"


def test_rows_expiring_while_paging(connect: Callable, yesterday: Window) -> None:
    client = connect(Behaviour(paging=Paging(expire_rows=3)))
    rows = Counter(read(client, 50, sortColumn="logEventTimeStamp"))
    truth = client.source.truth.multiset(yesterday)
    assert (truth - rows).total() == 3, "each page boundary that shifts hides a row"
    assert truth.total() - Counter(read(client, 50)).total() == 3


def test_ties_in_another_order_each_time(connect: Callable, yesterday: Window) -> None:
    client = connect(
        Behaviour(order=Order(unstable_ties=True), population=Population(burst_rows=200))
    )
    first, second = (client.rows(1, 500, sortColumn="logEventTimeStamp") for _ in range(2))
    assert first != second
    assert [row["logEventTimeStamp"] for row in first] == [
        row["logEventTimeStamp"] for row in second
    ]
    assert Counter(map(from_record, first)) == Counter(map(from_record, second))


@pytest.mark.parametrize(
    "column",
    ["action", "field", "logEventTimeStamp", "newValue", "oldValue", "providerName", "username"],
)
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_sorting(connect: Callable, column: str, direction: str) -> None:
    rows = connect().rows(1, 500, sortColumn=column, sortDirection=direction)
    said = [row[column] or "" for row in rows]
    assert len(set(said)) > 1
    assert said == sorted(said, reverse=direction == "desc")


@pytest.mark.parametrize("more", [{"sortColumn": "id"}, {"sortDirection": "up"}])
def test_unknown_orders_are_refused(connect: Callable, more: dict[str, str]) -> None:
    assert connect().page(1, 10, **more).status_code == 400


@pytest.mark.parametrize("capped", [True, False])
def test_a_row_cap(connect: Callable, yesterday: Window, capped: bool) -> None:
    client = connect(Behaviour(row_cap=RowCap(rows=120, total_is_capped=capped)))
    assert len(read(client, 50)) == 120
    true = client.source.truth.count(yesterday)
    assert client.page(1).json()["data"]["totalCount"] == (120 if capped else true) != 0


def test_json_lines_read_back(connect: Callable, yesterday: Window) -> None:
    client = connect()
    lines = b"\n".join(json.dumps(row).encode() for page in pages(client, 100) for row in page)
    events = from_json_lines(lines)
    assert events == [canonical(event) for event in events]
    assert Counter(events) == client.source.truth.multiset(yesterday)


def test_extra_fields_are_served(connect: Callable) -> None:
    rows = connect(Behaviour(extra_fields={"tenantUid": "t-1"})).rows(1, 10)
    assert {row["tenantUid"] for row in rows} == {"t-1"}
