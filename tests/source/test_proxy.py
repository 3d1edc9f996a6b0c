"""Reading the source through a proxy, over real HTTP: what goes through it, and what it refuses."""

import selectors
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devcluster.code42 import Behaviour
from devcluster.code42.tls import server_tls
from synclog.api.source import ApiClientAuth, Auth, Source, SourceFormat
from synclog.exporter.errors import ConfigurationError, ExportError, SourceError
from synclog.exporter.source import ApiClient, SourceReader

Bench = Callable[..., Any]
USER, PASSWORD = "prōxy-user", "p@ss:w0rd/#?"
ENCODED = "pr%C5%8Dxy-user:p%40ss%3Aw0rd%2F%23%3F"
BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Proxy(ThreadingHTTPServer):
    """Forwards requests, and tunnels what is asked for with CONNECT."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        """Method and target of each request."""
        self.wants = ""
        """The Proxy-Authorization without which requests are refused."""
        self.refuses = 0
        """Another status that everything meets."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        if self._admitted():
            with socket.create_connection((host, int(port))) as upstream:
                self.send_response(200)
                self.end_headers()
                self._pass_on(upstream)

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        if not self._admitted():
            return
        with socket.create_connection((target.hostname, target.port)) as upstream:
            path = target.path + (f"?{target.query}" if target.query else "")
            kept = [
                f"{name}: {value}"
                for name, value in self.headers.items()
                if not name.lower().startswith(("proxy-", "connection"))
            ]
            lines = [f"{self.command} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
            upstream.sendall("\r\n".join(lines).encode())
            self._pass_on(upstream)

    do_POST = do_GET  # noqa: N815 - the name is the server's; token requests have empty bodies

    def _admitted(self) -> bool:
        self.server.asked.append((self.command, self.path))
        said = self.headers.get("Proxy-Authorization", "")
        status = 407 if self.server.wants and said != self.server.wants else self.server.refuses
        if status:
            body = f"you said {said}, and that is not enough".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        return not status

    def _pass_on(self, upstream: socket.socket) -> None:
        self.close_connection = True
        other = {self.connection: upstream, upstream: self.connection}
        with selectors.DefaultSelector() as selector:
            for each in other:
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    other[key.fileobj].sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def secure(bench: Bench, tmp_path: Path, **source: Any) -> Iterator[Any]:
    """A bench whose source speaks HTTPS."""
    tls = server_tls(tmp_path)
    with bench(Behaviour(), tls=tls, ca_file=tmp_path / "ca.crt", **source) as b:
        yield b


@pytest.mark.parametrize("form", SourceFormat)
def test_requests_and_tokens_go_through_the_proxy(bench: Bench, proxy: Proxy, form: Any) -> None:
    with bench(Behaviour(), form, proxy=f"http://{proxy.address}") as b:
        b.read_truly()
        assert [urlsplit(target).path for _, target in proxy.asked] == [
            request.path.partition("?")[0] for request in b.simulation.requests
        ]
        assert proxy.asked[0][0] == "POST"  # the token
        assert all(target.startswith(b.simulation.url) for _, target in proxy.asked)


def test_https_is_tunnelled_and_its_certificate_checked(
    bench: Bench, proxy: Proxy, tmp_path: Path
) -> None:
    with secure(bench, tmp_path, proxy=f"http://{proxy.address}") as b:
        b.read_truly()
        host = b.simulation.url.removeprefix("https://")
    assert set(proxy.asked) == {("CONNECT", host)}
    with (
        bench(Behaviour(), tls=server_tls(tmp_path), proxy=f"http://{proxy.address}") as b,
        pytest.raises(ConfigurationError, match=r"set source\.caBundle"),
    ):
        b.read()


def test_the_proxy_gets_its_credentials_and_nobody_is_told(
    bench: Bench, proxy: Proxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    proxy.wants = f"Basic {BASIC}"
    url = f"http://{ENCODED}@{proxy.address}"
    with bench(Behaviour(), proxy=url) as b:
        reading = b.read_truly()
        assert_secret(repr(reading))
    with secure(bench, tmp_path, proxy=url) as b:
        b.read_truly()
    assert_secret(caplog.text)


# A 403 to a plain request may be the source's own.
@pytest.mark.parametrize(("status", "tunnelled"), [(407, False), (407, True), (403, True)])
def test_a_proxy_that_refuses_is_named_and_not_asked_again(
    bench: Bench, proxy: Proxy, tmp_path: Path, status: int, tunnelled: bool
) -> None:
    proxy.refuses = status
    source = {"proxy": f"http://{ENCODED}@{proxy.address}"}
    way = secure(bench, tmp_path, **source) if tunnelled else bench(Behaviour(), **source)
    with way as b, pytest.raises(ConfigurationError, match=f"the proxy answers {status}") as caught:
        b.read()
    assert caught.value.reason == "ProxyRefused"
    assert len(proxy.asked) == 1
    assert_secret(str(caught.value))


def test_a_proxy_that_fails_is_asked_again(bench: Bench, proxy: Proxy, tmp_path: Path) -> None:
    proxy.refuses = 502
    with (
        secure(bench, tmp_path, proxy=f"http://{ENCODED}@{proxy.address}") as b,
        pytest.raises(SourceError, match="tries") as caught,
    ):
        b.read()
    assert len(proxy.asked) > 1
    assert_secret(str(caught.value))


def test_a_proxy_that_is_not_there_is_named(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    with (
        bench(Behaviour(), proxy=f"http://{ENCODED}@{address}") as b,
        pytest.raises(SourceError) as caught,
    ):
        b.read()
    assert_secret(str(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "http://user:p@ss:w0rd/x@proxy:3128",
        "ftp://user:p@ss@proxy",
        "http://user:p%40ss@proxy:http",
    ],
)
def test_a_proxy_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    source = Source(
        url="https://console.example.com",
        auth=Auth(api_client=ApiClientAuth(secret_name="unused")),
        proxy=url,
    )
    with pytest.raises(ExportError, match=r"source\.proxy") as caught:
        SourceReader(source, ApiClient("id", "secret"), stop=threading.Event())
    assert caught.value.reason == "InvalidUrl"
    assert not any(part in str(caught.value) for part in ("ss", "w0rd", "user"))


def assert_secret(said: str) -> None:
    for secret in (PASSWORD, ENCODED, ENCODED.partition(":")[2], BASIC):
        assert secret not in said
