"""Object stores on this machine, and a proxy in front of them that misbehaves on demand."""

import http.client
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import pytest
import trustme

HERE = "127.0.0.1"
MOTO = Path(os.environ.get("SYNCLOG_MOTO_SERVER", f"{sys.prefix}/stores/bin/moto_server"))
HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


Forward = Callable[[Request], Answer]
Fault = Callable[[Request, Forward], Answer | None]
"""Answers a request in the store's place; None breaks the connection."""


def refusal(status: int, code: str) -> Fault:
    body = f"<Error><Code>{code}</Code><Message>quoted: hunter2</Message></Error>".encode()
    return lambda _request, _forward: Answer(status, {"Content-Type": "application/xml"}, body)


def reset(_request: Request, _forward: Forward) -> None:
    """Breaks the connection instead of passing the request on."""


def lost_answer(request: Request, forward: Forward) -> None:
    """Passes the request on and breaks the connection instead of answering."""
    forward(request)


def careless(request: Request, forward: Forward) -> Answer:
    """Answers like a store that ignores conditions. (Some sign them: they cannot be removed.)"""
    answer = forward(request)
    if answer.status in {409, 412}:
        return Answer(201, {"ETag": '"replaced"', "Last-Modified": formatdate(usegmt=True)})
    return answer


class Proxy:
    """Stands before a store; ``faults`` are used up one by one by requests that they fit."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self.faults: list[tuple[str, str, Fault]] = []
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self.server = ThreadingHTTPServer((HERE, 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://{HERE}:{self.server.server_address[1]}"

    def fault(self, fault: Fault, *, method: str = "PUT", path: str = "", times: int = 1) -> None:
        self.faults += [(method, path, fault)] * times

    def answer(self, request: Request) -> Answer | None:
        with self._lock:
            self.requests.append(request)
            fitting = (
                fault
                for fault in self.faults
                if fault[0] == request.method and fault[1] in unquote(request.path)
            )
            fault = next(fitting, None)
            if fault is not None:
                self.faults.remove(fault)
        return self.forward(request) if fault is None else fault[2](request, self.forward)

    def forward(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(self.target, timeout=30)
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
            headers["Content-Length"] = str(len(request.body))
            connection.request(request.method, request.path, request.body, headers)
            found = connection.getresponse()
            body = found.read()
            length = found.getheader("Content-Length") if request.method == "HEAD" else None
            headers = {k: v for k, v in found.getheaders() if k.lower() not in HOP}
            headers["Content-Length"] = length or str(len(body))
            return Answer(found.status, headers, body)
        finally:
            connection.close()


P = TypeVar("P", bound=Proxy)


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            request = Request(self.command, self.path, dict(self.headers.items()), body)
            # A store takes no half of a body; neither does it get one from here.
            answer = proxy.answer(request) if len(body) == length else None
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            with suppress(BrokenPipeError, ConnectionResetError):  # the client was killed
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815 - names of http.server

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    with serving(Proxy(target)) as proxy:
        yield proxy


@contextmanager
def serving(proxy: P, authority: trustme.CA | None = None) -> Iterator[P]:
    """Let a proxy answer; over TLS where an authority vouches for it."""
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HERE).configure_cert(context)
        proxy.server.socket = context.wrap_socket(proxy.server.socket, server_side=True)
        # Who does not trust it hangs up.
        proxy.server.handle_error = lambda *_args: None  # type: ignore[method-assign]
        proxy.url = proxy.url.replace("http:", "https:")
    thread = threading.Thread(target=proxy.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        thread.join()
        proxy.server.server_close()


@contextmanager
def moto() -> Iterator[str]:
    """A moto server; it lives in an environment of its own (`make stores`)."""
    if not MOTO.exists():
        pytest.skip("moto is not installed: run `make stores`, or set SYNCLOG_MOTO_SERVER")
    with listening([str(MOTO), "-H", HERE, "-p", "0"], r"Running on (http://[0-9.:]+)") as url:
        yield url


@contextmanager
def listening(
    command: list[str], pattern: str, environ: dict[str, str] | None = None
) -> Iterator[str]:
    """Run a server and find in what it prints where it listens."""
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        # What it prints later must not fill the pipe.
        drain = threading.Thread(target=server.stdout.read, daemon=True)
        try:
            printed = []
            for line in server.stdout:
                printed.append(line)
                if found := re.search(pattern, line):
                    break
            else:
                pytest.fail(f"{command[0]} ended: {''.join(printed)}")
            drain.start()
            yield found[1]
        finally:
            server.terminate()
            server.wait(10)
            if drain.is_alive():
                drain.join()


def call(
    url: str,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request that is not signed."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        found = connection.getresponse()
        return Answer(found.status, dict(found.getheaders()), found.read())
    finally:
        connection.close()
