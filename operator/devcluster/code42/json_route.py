"""``GET …/v3/DirectorySyncLog``: the rows of a range in pages, in one of many envelopes."""

import json
from typing import Any

import msgspec
from aiohttp import web

from devcluster.code42 import query, records
from devcluster.code42.behaviour import Behaviour
from devcluster.code42.body import Content, send
from devcluster.code42.events import Event
from devcluster.code42.paging import Page
from devcluster.code42.routes import ROWS, NotFoundError, authorised
from devcluster.code42.simulation import Simulation
from synclog.windows import Instant, format_time


async def serve_json(request: web.Request, behaviour: Behaviour, number: int) -> web.StreamResponse:
    simulation = authorised(request, behaviour)
    page = Page.parse(request.query, behaviour.paging)
    asked = query.Query.parse(request.query)
    now = simulation.clock.now()
    bulk = query.bulk(simulation.world, behaviour, asked, now)
    objects: Any
    if bulk is not None:
        total = bulk.count
        at = page.bounds(total, behaviour.paging)
        objects = bulk.objects(at.start, at.stop)
    else:
        found = query.rows(simulation.world, behaviour, asked, now, number)
        capped = found[: behaviour.row_cap.rows]
        total = len(capped) if behaviour.row_cap.total_is_capped else len(found)
        at = page.bounds(len(capped), behaviour.paging)
        objects = records.json_objects(behaviour, capped[at])
        _change_between_pages(simulation, behaviour, found, capped[at], now)
    rows = max(0, at.stop - at.start)
    past_end = rows == 0 and page.position > 0
    if past_end and behaviour.paging.past_end == "not_found":
        raise NotFoundError("There is no such page")
    request[ROWS] = rows
    document = envelope(behaviour, objects, total=total, past_end=past_end, now=now)
    content = Content.of(_text(document, ascii_only=behaviour.json.ascii_only))
    return await send(request, content, behaviour.body, {"Content-Type": "application/json"})


def _text(document: Any, *, ascii_only: bool) -> bytes:
    text = msgspec.json.encode(document)
    return json.dumps(json.loads(text), separators=(",", ":")).encode() if ascii_only else text


def envelope(
    behaviour: Behaviour,
    objects: Any,
    *,
    total: int,
    past_end: bool,
    now: Instant,
) -> Any:
    """The document of one page.

    Args:
        behaviour: which envelope.
        objects: the page's rows, as a list or as raw JSON.
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
