"""Answers that hold no rows: errors in every shape of the API family, and false pages."""

import json
from email.utils import formatdate
from typing import Literal

from aiohttp import web

from devcluster.code42.behaviour import Faults
from synclog.windows import Instant, format_time

ErrorShape = Literal["list", "problem", "spring", "html"]

_REASONS = {
    400: ("INVALID_REQUEST", "Bad Request"),
    401: ("UNAUTHORIZED", "Unauthorized"),
    403: ("FORBIDDEN", "Forbidden"),
    404: ("NOT_FOUND", "Not Found"),
    429: ("TOO_MANY_REQUESTS", "Too Many Requests"),
    500: ("SYSTEM", "Internal Server Error"),
    502: ("SYSTEM", "Bad Gateway"),
    503: ("SYSTEM", "Service Unavailable"),
    504: ("SYSTEM", "Gateway Timeout"),
}


def error(status: int, message: str, shape: ErrorShape, path: str, now: Instant) -> web.Response:
    """An error answer."""
    code, phrase = _REASONS.get(status, ("SYSTEM", "Error"))
    if shape == "html":
        return web.Response(
            status=status,
            content_type="text/html",
            text=f"<html><head><title>{status} {phrase}</title></head>"
            f"<body><center><h1>{status} {phrase}</h1></center><hr>proxy</body></html>",
        )
    document: object
    if shape == "list":
        document = [{"name": code, "description": message}]
    elif shape == "problem":
        document = {"problem": code, "description": None}
    else:
        document = {
            "timestamp": format_time(now),
            "status": status,
            "error": phrase,
            "message": message,
            "path": path,
        }
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return web.Response(
        status=status,
        content_type="application/json",
        text=json.dumps(document, ensure_ascii=False),
        headers=headers,
    )


def retry_after(faults: Faults, seconds: int, now: Instant) -> dict[str, str]:
    """The header of a 429, in the form that is asked for."""
    if faults.retry_after == "absent":
        return {}
    if faults.retry_after == "date":
        # HTTP dates have whole seconds: rounded up, so that waiting until then is enough.
        return {"Retry-After": formatdate(-(-now // 1000) + seconds, usegmt=True)}
    return {"Retry-After": str(seconds)}


def login_page() -> web.Response:
    """A 200 that a single sign-on gate answers for whatever is behind it."""
    return web.Response(
        content_type="text/html",
        text="<!DOCTYPE html><html><head><title>Sign in</title></head>"
        '<body><form action="/login" method="post"><input name="username">'
        '<input name="password" type="password"></form></body></html>',
    )


def other_json() -> web.Response:
    """A 200 with JSON that has nothing to do with the request."""
    return web.json_response({"status": "UP", "components": {"db": {"status": "UP"}}})
