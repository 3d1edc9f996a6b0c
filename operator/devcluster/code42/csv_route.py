"""``GET …/v3/DirectorySyncLog/csv``: all rows of a range in one answer."""

from aiohttp import web

from devcluster.code42 import query, records
from devcluster.code42.behaviour import Behaviour
from devcluster.code42.body import Content, send
from devcluster.code42.events import Event
from devcluster.code42.routes import ROWS, authorised


async def serve_csv(request: web.Request, behaviour: Behaviour, number: int) -> web.StreamResponse:
    simulation = authorised(request, behaviour)
    asked = query.Query.parse(request.query)
    now = simulation.clock.now()
    bulk = query.bulk(simulation.world, behaviour, asked, now)
    if bulk is not None:
        request[ROWS] = bulk.count
        content = bulk.csv()
    else:
        found = query.rows(simulation.world, behaviour, asked, now, number)
        found = _whole_rows(found[: behaviour.row_cap.rows], behaviour.body.ends_before)
        request[ROWS] = len(found)
        content = Content.of(records.csv_body(behaviour, found))
    headers = {
        "Content-Type": behaviour.csv.content_type,
        "Content-Disposition": 'attachment; filename="DirectorySyncLog.csv"',
    }
    return await send(request, content, behaviour.body, headers)


def _whole_rows(rows: list[Event], ends_before: int | None) -> list[Event]:
    """The rows before the one at which bodies end."""
    for at, row in enumerate(rows):
        if row.instant == ends_before:
            return rows[:at]
    return rows
