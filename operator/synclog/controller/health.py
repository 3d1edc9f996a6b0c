"""Whether the process is well, and the HTTP server that says so."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Pulse:
    """Signs of life of the parts that must never stand still, on the loop's clock.

    An API server that is away is no reason to be restarted: what counts is that a part tried,
    not that it succeeded.
    """

    allowed: dict[str, float] = field(default_factory=dict)
    """Most seconds between two signs of each part."""
    beats: dict[str, float] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    """Since when a worker has been at an export, by the export's uid."""
    longest_look: float = 900.0

    def beat(self, part: str) -> None:
        """A part is alive."""
        self.beats[part] = asyncio.get_running_loop().time()

    def problems(self) -> list[str]:
        """What stands still."""
        now = asyncio.get_running_loop().time()
        found = [
            f"{part} has shown no sign of life for {now - at:.0f} s"
            for part, at in self.beats.items()
            if now - at > self.allowed[part]
        ]
        found += [
            f"a worker has been at {uid} for {now - since:.0f} s"
            for uid, since in self.busy.items()
            if now - since > self.longest_look
        ]
        return found


class HealthServer:
    """Serves ``/metrics``, ``/healthz`` and ``/readyz``.

    Args:
        render: writes the metrics in Prometheus' text format.
        pulse: liveness.
        not_ready: why the process is not ready, or None.
    """

    def __init__(
        self, render: Callable[[], bytes], pulse: Pulse, not_ready: Callable[[], str | None]
    ) -> None:
        self._render = render
        self._pulse = pulse
        self._not_ready = not_ready
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which the system chooses where 0 was asked for."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = int(self._runner.addresses[0][1])
        logger.info("serving metrics and health", extra={"host": host, "port": bound})
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        # In a thread: the figures of thousands of exports take a moment.
        body = await asyncio.to_thread(self._render)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(self._pulse.problems())

    async def _readyz(self, _request: web.Request) -> web.Response:
        reason = self._not_ready()
        return _answer([reason] if reason else [])


def _answer(problems: list[str]) -> web.Response:
    body = json.dumps({"ok": not problems, "problems": problems})
    return web.Response(text=body, status=503 if problems else 200, content_type="application/json")
