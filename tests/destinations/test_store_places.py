"""Buckets and endpoints of other shapes keep the same promises."""

import itertools
import re
from contextlib import contextmanager
from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from support import azurite, servers
from support.contract import DestinationContract, raced
from support.stores import Proxy, call, serving
from synclog.api.destination import Destination as DestinationSpec
from synclog.exporter.destination import destination_of

BUCKET = "archive"
HOST = "store.example"
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
_numbers = itertools.count()


class Elsewhere(Proxy):
    """Passes requests on to another path."""

    def __init__(self, target, path):
        super().__init__(target)
        self._path = path
        self.asked = []

    def answer(self, request):
        self.asked.append(request.path)
        return super().answer(replaced(request, path=self._path(request)))


@pytest.fixture
def opened(tmp_path):
    """Opens a destination at a URL, with the secret of a server, in a prefix of its own."""

    def opened(server, at, **fields):
        spec = server.spec(at, f"places/{next(_numbers)}")
        if fields:
            spec = DestinationSpec(s3=replace(spec.s3, **fields))
        return destination_of(spec, auth=server.mount(tmp_path), ca_file=None)

    return opened


@pytest.fixture
def ours(s3_server):
    """A store that does not mind where a request was meant to go when it was signed."""
    if not s3_server.ours:
        pytest.skip("needs a store that looks at no signature")
    return s3_server


@pytest.fixture
def in_the_host(ours, opened, monkeypatch):
    """Through a proxy for outgoing requests: it knows hosts that no resolver does."""

    root = f"http://{BUCKET}.{HOST}"

    def path(request):
        return request.path.removeprefix(root)

    with serving(Elsewhere(ours.url, path)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        yield opened(ours, f"http://{HOST}", bucket=BUCKET, force_path_style=False)
        assert all(path.startswith(f"{root}/") for path in proxy.asked)


@pytest.fixture
def below_a_path(ours, opened):
    with serving(Elsewhere(ours.url, lambda request: request.path.removeprefix("/s3"))) as proxy:
        yield opened(ours, f"{proxy.url}/s3")
        assert all(path.startswith("/s3/") for path in proxy.asked)


@pytest.fixture
def with_versions(ours, opened):
    name = f"acme.versions-{next(_numbers)}"
    assert call(ours.url, "PUT", f"/{name}").status == 200
    assert call(ours.url, "PUT", f"/{name}?versioning", body=VERSIONED).status == 200
    yield opened(ours, ours.url, bucket=name)
    listed = call(ours.url, "GET", f"/{name}?versions").body.decode()
    names = re.findall("<Key>(.*?)</Key>", listed)
    assert len(names) == len(set(names)), "nothing was given a second version"


PLACES = ["in_the_host", "below_a_path", "with_versions"]


class TestContract(DestinationContract):
    @pytest.fixture(params=PLACES)
    def destination(self, request):
        return request.getfixturevalue(request.param)

    def test_the_probe_passes_and_a_link_can_be_signed(self, destination):
        for _ in range(2):
            destination.probe()
        destination.create("part", b"1")
        assert destination.guarantee("part").retention == "NotShown"

    def test_a_race_has_one_winner(self, destination):
        created = raced(lambda: destination)
        assert created == [destination.read("entry")]


@contextmanager
def short_pages(server, sign, most):
    """A store that gives few names at a time."""

    def path(request):
        listing = request.method == "GET" and sign in request.path
        return f"{request.path}&{most}=2" if listing else request.path

    with serving(Elsewhere(server.url, path)) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("kind", "sign", "most"),
    [
        ("s3", "list-type=2", "max-keys"),
        ("azure", "comp=list", "maxresults"),
    ],
)
def test_a_list_of_many_pages_is_whole(request, opened, kind, sign, most):
    server = request.getfixturevalue(f"{kind}_server")
    if not server.ours:
        pytest.skip("needs a store that looks at no signature")
    if kind == "azure":  # a token is not of one request
        secret = {"sasToken": azurite.sas(BUCKET, "rcl")}
        server = servers.azure(server.url, azurite.ACCOUNT, BUCKET, secret)
    with short_pages(server, sign, most) as proxy:
        destination = opened(server, f"{proxy.url}{server.path}")
        names = [f"_synclog/ledger/{number:03d}.json" for number in range(7)]
        for name in names:
            assert destination.create(name, name.encode()) is True
        before = len(proxy.requests)
        assert [file.path for file in destination.files()] == names
        assert len(proxy.requests) - before >= 4


def test_the_mark_of_a_folder_that_a_console_makes_is_no_file(ours, opened):
    destination = opened(ours, ours.url)
    folder = str(destination).removeprefix("s3://").rstrip("/")
    assert call(ours.url, "PUT", f"/{folder}/").status == 200
    assert destination.create("a.csv", b"a") is True
    assert [file.path for file in destination.files()] == ["a.csv"]
