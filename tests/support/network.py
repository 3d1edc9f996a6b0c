"""Links between a cluster and its clients that a test cuts, silences and mends.

They run in the event loop of one thread, so that a test may be plain synchronous code.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_CHUNK = 1 << 16
_PATIENCE = 30.0


class Network:
    """A thread with an event loop, and the links that live in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._ends = contextlib.ExitStack()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def wire(self, server: str) -> "Wire":
        """A link to a server, which is named by its URL."""
        wire = Wire(self, server)
        self.run(wire.open())
        self._ends.callback(lambda: self.run(wire.close()))
        return wire

    def close(self) -> None:
        """End the links and the thread."""
        self._ends.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network for as long as the context is open."""
    made = Network()
    try:
        yield made
    finally:
        made.close()


class Wire:
    """One TCP link. It knows nothing of what it carries, so it carries TLS as it is.

    - `cut`: connections are reset, and so is every new one.
    - `silence`: connections stay open, and no byte passes, as behind a dead router. What was
      sent meanwhile arrives after `mend`, as retransmitted packets do.
    - `mend`: all is well again.
    - `shake`: connections are reset; new ones are welcome.
    """

    def __init__(self, net: Network, server: str) -> None:
        target = urlsplit(server)
        self._target = (target.hostname or "127.0.0.1", target.port or 443)
        self._net = net
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._down = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        """Where clients find the server."""
        self.refused = 0
        """Connections that came while the link was cut."""

    async def open(self) -> None:
        """Begin to listen."""
        self._flows.set()
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0, limit=_CHUNK)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """End for good."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._reset_all()

    def cut(self) -> None:
        """Reset every connection, now and until the link is mended."""
        self._net.run(self._set(down=True, flows=True))

    def silence(self) -> None:
        """Let no byte pass until the link is mended."""
        self._net.run(self._set(down=False, flows=False))

    def mend(self) -> None:
        """Carry again."""
        self._net.run(self._set(down=False, flows=True))

    def shake(self) -> None:
        """Reset the connections that are there."""

        async def shake() -> None:
            self._reset_all()

        self._net.run(shake())

    async def _set(self, *, down: bool, flows: bool) -> None:
        self._down = down
        if down:
            self._reset_all()
        if flows:
            self._flows.set()
        else:
            self._flows.clear()

    def _reset_all(self) -> None:
        for writer in self._ends:
            _reset(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._ends.add(writer)
        try:
            if self._down:
                self.refused += 1
                _reset(writer)
                return
            await self._flows.wait()
            await self._carry(reader, writer)
        except OSError:
            _reset(writer)
        finally:
            self._ends.discard(writer)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target, limit=_CHUNK)
        self._ends.add(far_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except* OSError:
            _reset(writer)
            _reset(far_writer)
        finally:
            self._ends.discard(far_writer)
            far_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._flows.wait()
            writer.write(chunk)
            await writer.drain()
        await self._flows.wait()
        # API servers and clients know no half-closed connection: one end is the end of both.
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection the hard way: the other side sees a reset, not an end."""
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
