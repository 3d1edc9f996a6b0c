"""Running a simulated source: in an event loop, or in a thread beside synchronous code."""

import asyncio
import ssl
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from aiohttp import web

from devcluster.code42.app import make_app
from devcluster.code42.behaviour import Behaviour
from devcluster.code42.clock import Clock, RealClock
from devcluster.code42.events import Event
from devcluster.code42.simulation import Request, Simulation
from devcluster.code42.tokens import Credentials, TokenDesk
from devcluster.code42.truth import Truth
from devcluster.code42.world import World
from synclog.windows import Instant, Window


class SimulatedCode42:
    """A simulated source on 127.0.0.1, as an asynchronous context manager.

    Args:
        behaviour: how it behaves; the default is the friendliest.
        seed: which tenant: the events follow from it.
        clock: the source's clock; the default is the machine's.
        credentials: what clients must know.
        port: 0 for a free one.
        tls: a server context for HTTPS, as `server_tls` makes it.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        seed: int = 42,
        *,
        clock: Clock | None = None,
        credentials: Credentials | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.credentials = credentials or Credentials()
        self.simulation = Simulation(
            World(seed, behaviour or Behaviour()),
            TokenDesk(self.credentials, seed),
            clock or RealClock(),
        )
        self.truth = Truth(self.simulation.world)
        self._port = port
        self._tls = tls
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        runner = web.AppRunner(
            make_app(self.simulation),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.5,
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port, ssl_context=self._tls)
        await site.start()
        self._port = runner.addresses[0][1]
        self._runner = runner
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            server = self._runner.server
            open_still = [each.transport for each in server.connections] if server else []
            await self._runner.cleanup()
            for transport in open_still:
                if transport is not None:
                    transport.abort()  # TLS would wait for the other side to say goodbye
            await asyncio.sleep(0)

    @property
    def url(self) -> str:
        """The request URL; it also serves the API gateway's ``/v1/oauth``."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def client_id(self) -> str:
        """The API client's id."""
        return self.credentials.client_id

    @property
    def client_secret(self) -> str:
        """The API client's secret."""
        return self.credentials.client_secret

    @property
    def now(self) -> Instant:
        """The source's now."""
        return self.simulation.clock.now()

    @property
    def behaviour(self) -> Behaviour:
        """How the source behaves."""
        return self.simulation.world.behaviour

    def behave(self, behaviour: Behaviour) -> None:
        """Behave differently from now on."""
        self.simulation.behave(behaviour)

    def add_late(self, events: Iterable[Event], visible_at: Instant | None = None) -> None:
        """Add events that can be read from ``visible_at`` on (default: at once)."""
        self.simulation.world.add(events, self.now if visible_at is None else visible_at)

    def add_late_random(
        self, window: Window, count: int, visible_at: Instant | None = None
    ) -> list[Event]:
        """Add ``count`` events at random times of the window, and return them."""
        visible_at = self.now if visible_at is None else visible_at
        return self.simulation.world.add_random(window, count, visible_at)

    def vanish(self, events: Iterable[Event]) -> None:
        """Make events, as `Truth` tells them, unreadable for ever."""
        self.simulation.world.remove(events)

    def expire_tokens(self) -> None:
        """Expire every token that was issued so far."""
        self.simulation.desk.expire_all()

    def leaks(self, text: str) -> list[str]:
        """The secrets and tokens that stand in a text."""
        return self.simulation.desk.leaks(text)

    @property
    def requests(self) -> list[Request]:
        """The log of the last requests, oldest first, without secrets."""
        return list(self.simulation.requests)


@contextmanager
def running(
    behaviour: Behaviour | None = None,
    seed: int = 42,
    *,
    clock: Clock | None = None,
    credentials: Credentials | None = None,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[SimulatedCode42]:
    """A simulated source that runs in a thread of its own, for synchronous clients.

    Yields:
        The source; all its attributes and methods may be used from the caller's thread.
    """
    source = SimulatedCode42(
        behaviour, seed, clock=clock, credentials=credentials, port=port, tls=tls
    )
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with source:
            stop = asyncio.Event()
            ready.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run, name="simulated-code42", daemon=True)
    thread.start()
    try:
        loop, stop = ready.result()
        try:
            yield source
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()
