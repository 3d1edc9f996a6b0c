"""What every route of the source does around its own work: faults, errors, the log."""

from asyncio import sleep as pause
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TypeAlias

from aiohttp import web

from devcluster.code42 import answers
from devcluster.code42.behaviour import Behaviour
from devcluster.code42.body import break_off
from devcluster.code42.faults import Fault, fault_of
from devcluster.code42.query import BadQueryError
from devcluster.code42.simulation import Route, Simulation
from devcluster.code42.tokens import RefusedError, parse_bearer

SIMULATION = web.AppKey("simulation", Simulation)
ROUTE: web.RequestKey[Route] = web.RequestKey("route")
"""Key of the route of a request that is not yet logged."""
ROWS = web.RequestKey("rows", int)
"""Key under which a handler leaves the number of rows in its answer, for the log."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Work: TypeAlias = Callable[[web.Request, Behaviour, int], Awaitable[web.StreamResponse]]


def authorised(request: web.Request, behaviour: Behaviour) -> Simulation:
    """The simulation, for a request to the Sync Log whose token is good.

    Raises:
        RefusedError: there is no token, or it is not accepted.
    """
    simulation = request.app[SIMULATION]
    token = parse_bearer(request.headers.get("Authorization", ""))
    simulation.desk.check(token, behaviour.tokens)
    return simulation


class NotFoundError(LookupError):
    """What is asked for does not exist; the source answers 404."""


def guarded(route: Route, work: Work) -> Handler:
    """A handler that does its work unless the request meets a fault."""

    async def handle(request: web.Request) -> web.StreamResponse:
        number, behaviour = request.app[SIMULATION].begin(route)
        request[ROUTE] = route
        response = await _met(request, route, number, behaviour)
        if response is None and not _is_closing(request):
            response = await _worked(work, request, behaviour, number)
        # After a reset nothing reaches the client; aiohttp only wants something to drop.
        return response or web.Response(status=500)

    return handle


async def _worked(
    work: Work, request: web.Request, behaviour: Behaviour, number: int
) -> web.StreamResponse:
    now = request.app[SIMULATION].clock.now()
    try:
        return await work(request, behaviour, number)
    except BadQueryError as problem:
        status, message = 400, str(problem)
    except RefusedError as problem:
        status, message = 401, str(problem)
    except NotFoundError as problem:
        status, message = 404, str(problem)
    return answers.error(status, message, behaviour.error_shape, request.path, now)


async def _met(
    request: web.Request, route: Route, number: int, behaviour: Behaviour
) -> web.StreamResponse | None:
    """The answer of the fault that the request meets; None for no fault, and after a reset."""
    faults = behaviour.faults
    if route not in faults.on:
        return None
    if faults.latency_ms:
        await pause(faults.latency_ms / 1000)
    simulation = request.app[SIMULATION]
    now = simulation.clock.now()
    wait = simulation.limit.wait(faults.requests_per_minute, now)
    fault = fault_of(faults, simulation.world.seed, route, number)
    if wait or fault is Fault.THROTTLED:
        response = answers.error(
            429, "Rate limit exceeded", behaviour.error_shape, request.path, now
        )
        response.headers.update(
            answers.retry_after(faults, wait or faults.retry_after_seconds, now)
        )
        return response
    match fault:
        case None:
            return None
        case Fault.RESET:
            _record(request, status=0)
            break_off(request, reset=True)
            return None
        case Fault.ERROR:
            return answers.error(
                faults.error_status,
                "Something went wrong",
                behaviour.error_shape,
                request.path,
                now,
            )
        case Fault.REDIRECT:
            location = faults.redirect_to.rstrip("/") + request.raw_path
            return web.Response(status=302, headers={"Location": location})
        case Fault.LOGIN_PAGE:
            return answers.login_page()
        case Fault.OTHER_JSON:
            return answers.other_json()
        case Fault.EMPTY_PAGE:
            kind = "text/csv" if request.path.endswith("/csv") else "application/json"
            return web.Response(headers={"Content-Type": kind})


def _is_closing(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _record(request: web.Request, status: int) -> None:
    """Log the request, once, before the client can know its answer."""
    if ROUTE not in request:
        return
    route = request[ROUTE]
    del request[ROUTE]
    request.app[SIMULATION].record(
        route,
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        status=status,
        rows=request.get(ROWS, 0),
    )


async def before_answer(request: web.Request, response: web.StreamResponse) -> None:
    """Log the answer, and write the source's clock, skewed as told, into its headers."""
    _record(request, response.status)
    simulation = request.app[SIMULATION]
    behaviour = simulation.world.behaviour
    response.headers["Server"] = "simulated-code42"
    if behaviour.date_absent:
        response.headers.popall("Date", None)
    else:
        now = simulation.clock.now() + behaviour.date_skew_ms
        response.headers["Date"] = formatdate(now // 1000, usegmt=True)
