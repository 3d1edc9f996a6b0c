"""The simulated source as an aiohttp application."""

from aiohttp import web

from devcluster.code42 import control_routes as control
from devcluster.code42 import token_routes as tokens
from devcluster.code42.csv_route import serve_csv
from devcluster.code42.json_route import serve_json
from devcluster.code42.routes import SIMULATION, before_answer, guarded
from devcluster.code42.simulation import Simulation

# Incydr's prefix and its CrashPlan twin's.
_PREFIXES = ("/api", "/c42api")


def make_app(simulation: Simulation) -> web.Application:
    """All routes of the source, and ``/_sim`` to steer it."""
    app = web.Application(middlewares=[control.explain_bad_input])
    app[SIMULATION] = simulation
    app.on_response_prepare.append(before_answer)
    for prefix in _PREFIXES:
        app.router.add_get(f"{prefix}/v3/DirectorySyncLog/csv", guarded("data", serve_csv))
        app.router.add_get(f"{prefix}/v3/DirectorySyncLog", guarded("data", serve_json))
        app.router.add_post(f"{prefix}/v3/oauth/token", guarded("tokens", tokens.console_token))
        app.router.add_get(f"{prefix}/v3/auth/jwt", guarded("tokens", tokens.user_token))
    app.router.add_post("/v1/oauth", guarded("tokens", tokens.gateway_token))
    app.add_routes(
        [
            web.get("/_sim/behaviour", control.get_behaviour),
            web.put("/_sim/behaviour", control.put_behaviour),
            web.post("/_sim/behaviour", control.post_behaviour),
            web.post("/_sim/late", control.post_late),
            web.post("/_sim/vanish", control.post_vanish),
            web.post("/_sim/expire-tokens", control.post_expire_tokens),
            web.get("/_sim/truth", control.get_truth),
            web.get("/_sim/requests", control.get_requests),
        ]
    )
    return app
