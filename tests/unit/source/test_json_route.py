"""Pages of a source that numbers them in ways of its own."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from random import Random
from typing import Any, cast

import pytest

from support.spools import MemorySpool
from synclog.api.source import ApiClientAuth, Auth, Source, SourceFormat
from synclog.exporter.errors import AnswerError, UnprovenError
from synclog.exporter.source.evidence import Proof
from synclog.exporter.source.framing import Framing
from synclog.exporter.source.json_route import JsonRoute
from synclog.exporter.source.proof import Proven, Prover
from synclog.exporter.source.timestamps import Timestamps
from synclog.exporter.source.transport import Head, Transport
from synclog.windows import MINUTE, SECOND, Window, format_time, parse_time

START = parse_time("2026-01-31T07:00:00Z")
WINDOW = Window(START, START + 5 * MINUTE)


class Pages:
    """Stands for the transport: a source that selects by milliseconds and shows whole seconds."""

    def __init__(
        self,
        times: list[int],
        *,
        tells_total: bool,
        identical: bool = False,
        total_error: int = 0,
        shuffle: Random | None = None,
        heeds_number: bool = True,
    ) -> None:
        self.times = times
        self.tells_total = tells_total
        self.identical = identical
        self.total_error = total_error
        self.shuffle = shuffle
        self.heeds_number = heeds_number
        self.asked = 0

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        accept: str,
        consume: Callable[[Head, Iterator[bytes]], Any],
        *,
        also: Collection[int] = (),
    ) -> Any:
        self.asked += 1
        assert self.asked < 1_000, "it is read for ever"
        after, before = (parse_time(params[f"eventOccurred{end}"]) for end in ("After", "Before"))
        found = [at for at in self.times if after <= at < before]
        if self.shuffle:
            self.shuffle.shuffle(found)
            if self.heeds_number:
                found.sort(key=lambda at: at // SECOND)
        if params["sortDirection"] == "desc":
            found.reverse()
        size = int(params["page[size]"])
        number = int(params["page[number]"]) if self.heeds_number else 1
        begin = (number - 1) * size
        page = found[begin : begin + size] if begin >= 0 else []
        envelope: dict[str, Any] = {"data": [self.record(at) for at in page]}
        if self.tells_total:
            envelope["totalCount"] = max(len(found) + self.total_error, 0)
        head = Head(path, 200, "", Framing.LENGTH, "application/json")
        return consume(head, iter([json.dumps(envelope).encode()]))

    def record(self, at: int) -> dict[str, str]:
        shown = format_time(at - at % SECOND).replace(".000", "")
        return {
            "logEventTimeStamp": shown,
            "username": "ana" if self.identical and at % 2 else str(at),
        }


def proven_by(pages: Pages, size: int) -> tuple[Proven, list[bytes]]:
    source = Source(
        url="https://console.us.code42.com",
        format=SourceFormat.JSON,
        page_size=size,
        auth=Auth(api_client=ApiClientAuth(secret_name="unused")),
    )
    route = JsonRoute(cast(Transport, pages), source, Timestamps())

    def read(*args: Any) -> Any:
        return route.read(*args, lambda _events, _bytes: None)

    spool = MemorySpool()
    known = Window(START - MINUTE, START + 10 * MINUTE)
    proven = Prover(read, spool, cap=10_000, known=known).prove(WINDOW)
    route.close()
    return proven, bytes(spool.data).splitlines()


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("identical", [True, False])
def test_a_second_on_several_pages(size: int, tells_total: bool, identical: bool) -> None:
    burst = [START + 2 * MINUTE + at for at in (201, 501, 701, 703)]
    times = [START + 7, *burst, START + 4 * MINUTE]
    pages = Pages(times, tells_total=tells_total, identical=identical)
    proven, lines = proven_by(pages, size)
    assert len(lines) == len(times)
    assert proven.proof is (Proof.TOTAL if tells_total else Proof.FRAMED)


@pytest.mark.parametrize("error", [-1, -2, -4])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_total_that_is_too_low_hides_no_page(size: int, error: int) -> None:
    times = [START + at * 7 * SECOND for at in range(10)]
    with pytest.raises(UnprovenError):
        proven_by(Pages(times, tells_total=True, total_error=error), size)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("tells_total", [True, False])
def test_alike_records_in_changing_order_are_not_proven_by_chance(
    seed: int, tells_total: bool
) -> None:
    second = START + 2 * MINUTE
    times = [START + 7, second, second + 1, second + 3, START + 4 * MINUTE]
    pages = Pages(times, tells_total=tells_total, identical=True, shuffle=Random(seed))
    expected = Counter(pages.record(at)["username"] for at in times)
    try:
        _, lines = proven_by(pages, 2)
    except UnprovenError:
        return
    assert Counter(json.loads(line)["username"] for line in lines) == expected


@pytest.mark.parametrize("tells_total", [True, False])
def test_pages_in_random_order_that_ignore_their_number_come_to_an_end(tells_total: bool) -> None:
    times = [START + at * SECOND for at in range(60)]  # no two pages are alike by chance
    pages = Pages(times, tells_total=tells_total, shuffle=Random(1), heeds_number=False)
    with pytest.raises(AnswerError, match="far behind any that can be") as refused:
        proven_by(pages, 30)
    assert refused.value.reason == "RepeatedPage"


def test_more_pages_than_are_looked_at_are_read_all() -> None:
    times = [START + at * SECOND for at in range(150)]
    _, lines = proven_by(Pages(times, tells_total=False), 1)
    assert len(lines) == len(times)
