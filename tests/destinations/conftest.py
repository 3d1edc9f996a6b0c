"""Destinations to test, each in a prefix of its own: a volume, and stores behind the proxy."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.servers import Server, azure_server, gcs_server, s3_server
from support.stores import Proxy, proxied
from synclog.api.destination import Destination as DestinationSpec
from synclog.exporter.destination import Destination, Volume, connection, destination_of, objects

_RUN = uuid.uuid4().hex[:12]
_numbers = itertools.count()


@dataclass
class Store:
    """A destination that nobody else uses, in a store behind the proxy."""

    server: Server
    spec: DestinationSpec
    auth: Path
    environ: dict[str, str]
    """What a person exports to reach it."""
    _proxy: Proxy | None

    @property
    def proxy(self) -> Proxy:
        """What misbehaves on demand; a test that wants it is skipped where there is none."""
        if self._proxy is None:
            pytest.skip("faults need a store at http://: the proxy reads what passes")
        return self._proxy

    def open(self) -> Destination:
        return destination_of(self.spec, auth=self.auth, ca_file=None)


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits as short as the machine allows: what fails behind the proxy was told to."""
    backoff = connection.RETRIES["backoff"]
    tick = type(backoff["init_backoff"])(milliseconds=1)
    monkeypatch.setitem(backoff, "init_backoff", tick)
    monkeypatch.setitem(backoff, "max_backoff", tick)
    monkeypatch.setitem(connection.RETRIES, "max_retries", 2)
    monkeypatch.setattr(objects, "_PAUSES", (0.0, 0.0))


def _mounted(server: Server, tmp_path: Path) -> Path:
    auth = tmp_path / "auth"
    auth.mkdir()
    return server.mount(auth)


def _prefix() -> str:
    # A store that lives on still has what earlier runs left, and others may test in it.
    return f"synclog/{_RUN}/{next(_numbers)}"


def _store(server: Server, tmp_path: Path) -> Iterator[Store]:
    plain = server.url is not None and server.url.startswith("http://")
    with proxied(server.url) if plain else nullcontext() as proxy:
        at = f"{proxy.url}{server.path}" if proxy else server.url
        yield Store(
            server,
            server.spec(at, _prefix()),
            _mounted(server, tmp_path),
            {name: value for name, value in server.environ(at).items() if value is not None},
            proxy,
        )


@pytest.fixture(scope="session", name="s3_server")
def _s3_server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def s3_store(s3_server: Server, tmp_path: Path, _patience: None) -> Iterator[Store]:
    yield from _store(s3_server, tmp_path)


@pytest.fixture(scope="session", name="gcs_server")
def _gcs_server() -> Iterator[Server]:
    with gcs_server() as server:
        yield server


@pytest.fixture
def gcs_store(gcs_server: Server, tmp_path: Path, _patience: None) -> Iterator[Store]:
    yield from _store(gcs_server, tmp_path)


@pytest.fixture(scope="session", name="azure_server")
def _azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with azure_server(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture
def azure_store(azure_server: Server, tmp_path: Path, _patience: None) -> Iterator[Store]:
    yield from _store(azure_server, tmp_path)


@pytest.fixture(params=["s3", "gcs", "azure"])
def store(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture(params=["volume", "s3", "gcs", "azure"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Destination]:
    """Opens one destination again and again; nothing stands before a store."""
    if request.param == "volume":
        root = tmp_path / "volume"
        root.mkdir()
        return lambda: Volume(root)
    server: Server = request.getfixturevalue(f"{request.param}_server")
    spec, auth = server.spec(server.url, _prefix()), _mounted(server, tmp_path)
    return lambda: destination_of(spec, auth=auth, ca_file=None)


@pytest.fixture
def destination(opened: Callable[[], Destination]) -> Destination:
    return opened()
