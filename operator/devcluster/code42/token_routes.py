"""Where tokens are had: API client on console host or gateway, and local user."""

from aiohttp import web

from devcluster.code42.behaviour import Behaviour, Tokens
from devcluster.code42.query import BadQueryError
from devcluster.code42.routes import SIMULATION
from devcluster.code42.tokens import RefusedError, parse_basic


async def console_token(
    request: web.Request, behaviour: Behaviour, _number: int
) -> web.StreamResponse:
    """``POST /api/v3/oauth/token?grant_type=client_credentials`` with Basic."""
    _require_grant(request.query.get("grant_type"))
    client_id, client_secret = parse_basic(request.headers.get("Authorization", ""))
    return _client_token(request, behaviour.tokens, client_id, client_secret)


async def gateway_token(
    request: web.Request, behaviour: Behaviour, _number: int
) -> web.StreamResponse:
    """``POST /v1/oauth``: Basic and an empty body, or the three values as a form."""
    form = await request.post()
    _require_grant(request.query.get("grant_type") or form.get("grant_type"))
    if "Authorization" in request.headers:
        client_id, client_secret = parse_basic(request.headers["Authorization"])
    elif "client_id" in form and "client_secret" in form:
        client_id, client_secret = str(form["client_id"]), str(form["client_secret"])
    else:
        raise RefusedError("Client authentication is required")
    return _client_token(request, behaviour.tokens, client_id, client_secret)


async def user_token(
    request: web.Request, behaviour: Behaviour, _number: int
) -> web.StreamResponse:
    """``GET /api/v3/auth/jwt?useBody=true`` with Basic, and ``totp-auth`` where needed."""
    user, password = parse_basic(request.headers.get("Authorization", ""))
    token = request.app[SIMULATION].desk.issue_for_user(
        user, password, request.headers.get("totp-auth"), behaviour.tokens
    )
    if request.query.get("useBody") != "true":
        return web.Response(status=204)
    return web.json_response({"data": {"v3_user_token": token}})


def _require_grant(grant: object) -> None:
    if grant != "client_credentials":
        raise BadQueryError("grant_type must be client_credentials")


def _client_token(
    request: web.Request, policy: Tokens, client_id: str, client_secret: str
) -> web.Response:
    token = request.app[SIMULATION].desk.issue_for_client(client_id, client_secret, policy)
    seconds = policy.stated_seconds or int(policy.api_client_seconds)
    return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": seconds})
