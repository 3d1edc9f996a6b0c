"""A way to a server that breaks off after some bytes, in the middle of whatever they are."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

HERE = "127.0.0.1"


class Cutter:
    """Passes bytes to and fro; ``cuts`` are used up one by one by connections that reach them."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or HERE, parts.port or 80)
        self._listener = socket.create_server((HERE, 0))
        self.url = f"http://{HERE}:{self._listener.getsockname()[1]}"
        self.cuts: list[tuple[str, int]] = []
        """Direction (``up``, ``down``) and bytes after which a connection is broken off."""
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += [client, server]
                for way, source, sink in (("up", client, server), ("down", server, client)):
                    thread = threading.Thread(target=self._pass, args=(way, source, sink))
                    thread.start()
                    self._threads.append(thread)

    def close(self) -> None:
        """Break everything off and take no more connections."""
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._open):
            each.close()

    def _pass(self, way: str, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                passed += len(data)
                if self._reached(way, passed):
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _reached(self, way: str, passed: int) -> bool:
        with self._lock:
            cut = next((cut for cut in self.cuts if cut[0] == way and cut[1] <= passed), None)
            if cut is not None:
                self.cuts.remove(cut)
        return cut is not None


@contextmanager
def cutting(target: str) -> Iterator[Cutter]:
    """A cutter in a thread of its own."""
    cutter = Cutter(target)
    thread = threading.Thread(target=cutter.serve, daemon=True)
    thread.start()
    try:
        yield cutter
    finally:
        cutter.close()
        thread.join()
