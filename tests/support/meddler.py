"""A proxy before an API server that answers, loses and breaks requests as a test wants it.

It ends the TLS of its clients and speaks to the server for them, with their own tokens; so the
same faults meet the embedded API server and a real one. Every fault is one that an API server,
a load balancer before it or another client can cause; conflicts are real: the object is written
behind the client's back first.
"""

import json
import random
import ssl
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import trustme
from aiohttp import web

from devcluster.client import Connection
from support.network import Network

_HOP_BY_HOP = {"host", "connection", "transfer-encoding", "content-length", "keep-alive"}
_TOUCH = "synclog.test/touched"


@dataclass(frozen=True)
class Mood:
    """Shares of the requests that meet a fault; nothing to begin with."""

    busy: float = 0.0
    """429 with ``Retry-After``, 500 or 503 before anything happens."""
    lost: float = 0.0
    """It is done, and the connection breaks before the answer."""
    reset: float = 0.0
    """The connection breaks before anything happens."""
    conflict: float = 0.0
    """Somebody else writes first; a creation is sent twice, as some proxies do."""
    watch: float = 0.0
    """Of the events of a watch: it breaks there, or ends with 410 Gone."""
    mute: bool = False
    """Watches stay open, and their events are swallowed."""


class Meddler:
    """The proxy. `mood` may be set at any time; `struck` counts what happened."""

    def __init__(self, net: Network, admin: Connection, seed: int) -> None:
        self.mood = Mood()
        self.struck: Counter[str] = Counter()
        self.url = ""
        self._net = net
        self._admin = admin
        self._chance = random.Random(seed)
        self._authority = trustme.CA()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    def __enter__(self) -> Self:
        self._net.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._net.run(self._close())

    def write_authority(self, target: Path) -> Path:
        """Write the certificate that clients must trust."""
        self._authority.cert_pem.write_to_path(str(target))
        return target

    async def _open(self) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert("127.0.0.1").configure_cert(tls)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._admin.tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        watch = request.query.get("watch") in ("true", "1")
        writes = request.method not in ("GET", "HEAD")
        match self._draw(writes=writes):
            case "busy":
                return _status(self._chance.choice((429, 500, 503)))
            case "reset":
                return self._broken(request)
            case "conflict" if request.method == "POST":
                await (await self._forward(request, body)).read()
            case "conflict":
                await self._touch(request)
            case "lost" if not watch:
                await (await self._forward(request, body)).read()
                return self._broken(request)
        try:
            answer = await self._forward(request, body)
        except aiohttp.ClientError:
            return self._broken(request)
        async with answer:
            return await self._relay(request, answer, watch=watch)

    def _draw(self, *, writes: bool) -> str:
        for kind in ("busy", "reset", "lost", "conflict"):
            if (kind != "conflict" or writes) and self._strikes(kind):
                return kind
        return ""

    def _strikes(self, kind: str) -> bool:
        if self._chance.random() >= getattr(self.mood, kind):
            return False
        self.struck[kind] += 1
        return True

    async def _forward(self, request: web.Request, body: bytes) -> aiohttp.ClientResponse:
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        return await self._session.request(
            request.method,
            self._admin.server + request.raw_path,
            headers=headers,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            data=body or None,
        )

    async def _touch(self, request: web.Request) -> None:
        """Write the object that a request is about, as somebody else."""
        assert self._session is not None
        path = request.path.removesuffix("/status")
        self.struck["touch"] += 1
        note = {"metadata": {"annotations": {_TOUCH: str(self.struck["touch"])}}}
        headers = {**self._admin.headers, "Content-Type": "application/merge-patch+json"}
        async with self._session.patch(
            self._admin.server + path, headers=headers, data=json.dumps(note)
        ) as answer:
            await answer.read()

    async def _relay(
        self, request: web.Request, answer: aiohttp.ClientResponse, *, watch: bool
    ) -> web.StreamResponse:
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        response = web.StreamResponse(status=answer.status, headers=headers)
        try:
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                if watch and self.mood.mute:
                    self.struck["mute"] += 1
                    continue
                if watch and self._strikes("watch"):
                    if self._chance.random() < 0.5:
                        return self._broken(request)
                    # Half an event would be no JSON: only between two.
                    if chunk.endswith(b"\n"):
                        await response.write(chunk + json.dumps(_GONE).encode() + b"\n")
                        break
                await response.write(chunk)
            await response.write_eof()
        except aiohttp.ClientError:
            return self._broken(request)
        return response

    @staticmethod
    def _broken(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _document(code: int, reason: str) -> dict[str, object]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason,
        "message": "a test wanted it so",
        "code": code,
    }


_REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}
_GONE = {"type": "ERROR", "object": _document(410, "Expired")}


def _status(code: int) -> web.Response:
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.json_response(_document(code, _REASONS[code]), status=code, headers=headers)
