"""``/_sim``: how tests and people steer the simulated source and ask it for the truth."""

from typing import Any

import msgspec
from aiohttp import web

from devcluster.code42 import truth
from devcluster.code42.behaviour import from_json, patched
from devcluster.code42.routes import SIMULATION, Handler
from synclog.windows import Window, parse_time


async def get_behaviour(request: web.Request) -> web.Response:
    return _json(request.app[SIMULATION].world.behaviour)


async def put_behaviour(request: web.Request) -> web.Response:
    """Replace the behaviour; what the body does not mention is as by default."""
    request.app[SIMULATION].behave(from_json(await request.read()))
    return await get_behaviour(request)


async def post_behaviour(request: web.Request) -> web.Response:
    """Change the switches that the body mentions."""
    simulation = request.app[SIMULATION]
    patch = msgspec.json.decode(await request.read(), type=dict[str, Any])
    simulation.behave(patched(simulation.world.behaviour, patch))
    return await get_behaviour(request)


async def post_late(request: web.Request) -> web.Response:
    """Add events that become visible at a time (default: now).

    Body: ``{"events": [{"logEventTimeStamp": …}, …], "visibleAt": TIME}``, or
    ``{"start": TIME, "end": TIME, "count": N, "visibleAt": TIME}`` for events at random.
    """
    simulation = request.app[SIMULATION]
    body = msgspec.json.decode(await request.read(), type=dict[str, Any])
    visible_at = simulation.clock.now()
    if "visibleAt" in body:
        visible_at = parse_time(body["visibleAt"])
    if "events" in body:
        events = [truth.from_record(record) for record in body["events"]]
        simulation.world.add(events, visible_at)
    else:
        window = Window(parse_time(body["start"]), parse_time(body["end"]))
        events = simulation.world.add_random(window, int(body["count"]), visible_at)
    return _json({"added": [truth.as_record(event) for event in events]})


async def post_vanish(request: web.Request) -> web.Response:
    """Make the first ``count`` readable events of ``[start, end)`` unreadable for ever."""
    simulation = request.app[SIMULATION]
    body = msgspec.json.decode(await request.read(), type=dict[str, Any])
    window = Window(parse_time(body["start"]), parse_time(body["end"]))
    readable = simulation.world.readable(window, simulation.clock.now())
    events = readable[: int(body["count"])]
    simulation.world.remove(events)
    return _json({"vanished": [truth.as_record(event) for event in events]})


async def post_expire_tokens(request: web.Request) -> web.Response:
    """Expire every token issued so far."""
    request.app[SIMULATION].desk.expire_all()
    return web.Response(status=204)


async def get_truth(request: web.Request) -> web.Response:
    """The events of ``[start, end)`` as JSON Lines in canonical form, in order of time.

    With ``visible=true`` only what can be read now. Count and multiset digest stand in the
    headers ``Synclog-Count`` and ``Synclog-Digest``; with ``summary=true`` they are the answer.
    """
    simulation = request.app[SIMULATION]
    window = Window(parse_time(request.query["start"]), parse_time(request.query["end"]))
    if request.query.get("visible") == "true":
        events = simulation.world.readable(window, simulation.clock.now())
    else:
        events = simulation.world.existing(window)
    count, digest = len(events), truth.digest(events)
    if request.query.get("summary") == "true":
        return _json({"count": count, "digest": digest})
    lines = b"".join(msgspec.json.encode(truth.as_record(event)) + b"\n" for event in events)
    return web.Response(
        body=lines,
        content_type="application/jsonl",
        headers={"Synclog-Count": str(count), "Synclog-Digest": digest},
    )


async def get_requests(request: web.Request) -> web.Response:
    """Counters, and the log of the last requests, without secrets."""
    simulation = request.app[SIMULATION]
    return _json(
        {
            "counts": simulation.counts,
            "tokens": simulation.desk.issued,
            "requests": list(simulation.requests),
        }
    )


@web.middleware
async def explain_bad_input(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 400 with the reason where a control request cannot be understood."""
    if not request.path.startswith("/_sim/"):
        return await handler(request)
    try:
        return await handler(request)
    except KeyError as error:
        return _json({"error": f"{error} is missing"}, status=400)
    except (ValueError, TypeError) as error:
        return _json({"error": str(error)}, status=400)


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(document), content_type="application/json", status=status
    )
