"""``GET …/v3/DirectorySyncLog/csv``: all rows of a range in one answer."""

from aiohttp import web

from devcluster.code42 import body, query, records
from devcluster.code42.behaviour import Behaviour
from devcluster.code42.routes import ROWS, SIMULATION
from devcluster.code42.tokens import parse_bearer


async def serve_csv(request: web.Request, behaviour: Behaviour, number: int) -> web.StreamResponse:
    simulation = request.app[SIMULATION]
    simulation.desk.check(parse_bearer(request.headers.get("Authorization", "")), behaviour.tokens)
    asked = query.Query.parse(request.query)
    found = query.rows(simulation.world, behaviour, asked, simulation.clock.now(), number)
    found = found[: behaviour.row_cap.rows]
    request[ROWS] = len(found)
    return await body.send(
        request,
        records.csv_body(behaviour, found),
        behaviour.body,
        {
            "Content-Type": behaviour.csv.content_type,
            "Content-Disposition": 'attachment; filename="DirectorySyncLog.csv"',
        },
    )
