"""``GET …/v3/DirectorySyncLog``: the rows of a range in pages, in one of many envelopes."""

import json
from typing import Any

from aiohttp import web

from devcluster.code42 import body, query, records
from devcluster.code42.behaviour import Behaviour
from devcluster.code42.events import Event
from devcluster.code42.paging import Page
from devcluster.code42.routes import ROWS, SIMULATION, NotFoundError
from devcluster.code42.simulation import Simulation
from devcluster.code42.tokens import parse_bearer
from synclog.windows import Instant, format_time


async def serve_json(request: web.Request, behaviour: Behaviour, number: int) -> web.StreamResponse:
    simulation = request.app[SIMULATION]
    simulation.desk.check(parse_bearer(request.headers.get("Authorization", "")), behaviour.tokens)
    page = Page.parse(request.query, behaviour.paging)
    asked = query.Query.parse(request.query)
    now = simulation.clock.now()
    found = query.rows(simulation.world, behaviour, asked, now, number)
    total = len(found)
    capped = found[: behaviour.row_cap.rows]
    if behaviour.row_cap.total_is_capped:
        total = len(capped)
    shown = capped[page.bounds(len(capped), behaviour.paging)]
    if not shown and page.position > 0 and behaviour.paging.past_end == "not_found":
        raise NotFoundError("There is no such page")
    request[ROWS] = len(shown)
    document = envelope(
        behaviour,
        records.json_objects(behaviour, shown),
        total=total,
        past_end=not shown and page.position > 0,
        now=now,
    )
    _change_between_pages(simulation, behaviour, found, shown, now)
    text = json.dumps(
        document, ensure_ascii=behaviour.json.ascii_only, separators=(",", ":")
    ).encode()
    return await body.send(request, text, behaviour.body, {"Content-Type": "application/json"})


def envelope(
    behaviour: Behaviour,
    objects: list[dict[str, str | None]],
    *,
    total: int,
    past_end: bool,
    now: Instant,
) -> Any:
    """The document of one page.

    Args:
        behaviour: which envelope.
        objects: the page's rows.
        total: the number of all rows.
        past_end: whether the page lies past the last one.
        now: the source's now.
    """
    shape = behaviour.json
    totals = {shape.total_key: total + shape.total_error} if shape.total_key else {}
    drops_key = past_end and behaviour.paging.past_end == "missing_key"
    inner: Any
    if shape.list_key is None:
        inner = objects
    else:
        inner = totals if drops_key else {shape.list_key: objects} | totals
    if shape.wrap == "bare":
        return inner
    wrapped = {} if drops_key and shape.list_key is None else {"data": inner}
    if shape.wrap == "metadata":
        metadata: dict[str, Any] = {"timestamp": format_time(now)}
        return {"metadata": metadata | (totals if shape.list_key is None else {})} | wrapped
    if shape.list_key is None:
        wrapped = wrapped | totals
    if shape.wrap == "siblings":
        return wrapped | {"error": None, "warnings": None}
    return wrapped


def _change_between_pages(
    simulation: Simulation,
    behaviour: Behaviour,
    found: list[Event],
    shown: list[Event],
    now: Instant,
) -> None:
    """Insert and expire the rows that change while a client reads page after page."""
    paging, world = behaviour.paging, simulation.world
    if shown and simulation.inserted < paging.insert_rows:
        simulation.inserted += 1
        number = simulation.inserted
        world.add([shown[0]._replace(new_value=f"inserted while paging, {number}")], now)
    if found and simulation.expired < paging.expire_rows:
        simulation.expired += 1
        world.remove([min(found, key=lambda event: event.instant)])
