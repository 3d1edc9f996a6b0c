"""The node's HTTPS endpoint: container logs for the API server, and the fault switches.

It listens on the loopback interface alone and asks nobody who he is: whoever may run programs on
this machine may read the containers' files anyway.
"""

import asyncio
import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme
from aiohttp import web

from devcluster.podrunner.faults import Faults
from devcluster.podrunner.process import Attempt, attempts_of
from devcluster.podrunner.status import ADDRESS

_BLOCK = 1 << 16
_GLANCE = 0.05


@dataclass(frozen=True, slots=True)
class LogSource:
    """Where the logs of a container are, and whether it may still write to them."""

    folder: Path
    running: Callable[[], bool]


FindLog = Callable[[str, str, str], LogSource | None]
"""Finds the logs of (namespace, pod, container)."""


def tail_offset(file: Path, lines: int) -> int:
    """Where the last ``lines`` lines of a file begin."""
    with file.open("rb") as stream:
        end = position = stream.seek(0, os.SEEK_END)
        if lines == 0:
            return end
        while position > 0:
            start = max(position - _BLOCK, 0)
            stream.seek(start)
            block = stream.read(position - start)
            # A newline at the very end ends the last line; it begins none.
            at = len(block) - (position == end and block.endswith(b"\n"))
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                lines -= 1
                if lines == 0:
                    return start + at + 1
            position = start
    return 0


async def read_log(
    attempt: Attempt, running: Callable[[], bool], *, start: int, follow: bool
) -> AsyncIterator[bytes]:
    """The log from a byte on; with ``follow`` until the container has ended."""
    with attempt.log.open("rb") as stream:
        stream.seek(start)
        while True:
            over = not (follow and running())
            while block := stream.read(_BLOCK):
                yield block
            if over:
                return
            await asyncio.sleep(_GLANCE)


class NodeServer:
    """Serves while inside ``async with``; `port` is known then."""

    def __init__(self, faults: Faults, find: FindLog) -> None:
        self._faults = faults
        self._find = find
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/_faults", self._show_faults)
        app.router.add_put("/_faults", self._set_faults)
        app.router.add_delete("/_faults", self._clear_faults)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(ADDRESS).configure_cert(tls)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=1.0,
            handler_cancellation=True,  # nobody follows a log for a reader who left
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, ADDRESS, 0, ssl_context=tls)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        names = (request.match_info[name] for name in ("namespace", "pod", "container"))
        source = self._find(*names)
        attempts = attempts_of(source.folder) if source else []
        previous = request.query.get("previous") == "true"
        if previous:
            attempts = attempts[:-1]
        if source is None or not attempts:
            kind = "previous terminated container" if previous else "container"
            raise web.HTTPNotFound(
                text=f"{kind} {request.match_info['container']!r} has no log on this node"
            )
        attempt = attempts[-1]
        tail = request.query.get("tailLines", "")
        start = tail_offset(attempt.log, int(tail)) if tail.isdecimal() else 0
        follow = request.query.get("follow") == "true" and not previous
        limit = request.query.get("limitBytes", "")
        left = int(limit) if limit.isdecimal() else None
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the reader has seen enough
            async for block in read_log(attempt, source.running, start=start, follow=follow):
                await response.write(block[:left])
                if left is not None:
                    left -= len(block)
                    if left <= 0:
                        break
            await response.write_eof()
        return response

    async def _show_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.show())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            if not isinstance(wanted, dict):
                raise TypeError("send a JSON object")  # noqa: TRY301 - one answer for all
            self._faults.set(wanted)
        except (ValueError, TypeError, json.JSONDecodeError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.json_response(self._faults.show())

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response(self._faults.show())
