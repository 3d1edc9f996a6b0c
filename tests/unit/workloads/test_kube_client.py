"""The client against a small server, and the informer against a scripted client."""

import asyncio
import contextlib
import json

import pytest
import yaml
from aiohttp import web

from devcluster.client import (
    JOBS,
    NODES,
    PODS,
    ApiError,
    Client,
    ConflictError,
    Connection,
    GoneError,
    NotFoundError,
    UnavailableError,
    load_kubeconfig,
)
from devcluster.informer import Informer


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (PODS, (), "/api/v1/pods"),
        (PODS, ("ns",), "/api/v1/namespaces/ns/pods"),
        (PODS, ("ns", "a", "status"), "/api/v1/namespaces/ns/pods/a/status"),
        (JOBS, ("ns", "a"), "/apis/batch/v1/namespaces/ns/jobs/a"),
        (NODES, ("", "a"), "/api/v1/nodes/a"),
    ],
)
def test_paths(resource, arguments, path):
    assert resource.path(*arguments) == path


def kubeconfig(**user):
    return {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": user}],
    }


def test_a_kubeconfig_with_a_token_or_its_file(tmp_path):
    file = tmp_path / "kubeconfig"
    (tmp_path / "token").write_text("secret\n")
    for user in ({"token": "secret"}, {"tokenFile": "token"}):
        file.write_text(yaml.safe_dump(kubeconfig(**user)))
        connection = load_kubeconfig(file)
        assert connection.server == "https://127.0.0.1:1"
        assert connection.headers == {"Authorization": "Bearer secret"}


def test_a_kubeconfig_without_its_context(tmp_path):
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig() | {"current-context": "there"}))
    with pytest.raises(ValueError, match="has no context named 'there'"):
        load_kubeconfig(file)


class Server:
    """Answers requests from a script, and remembers them."""

    def __init__(self):
        self.answers = []
        self.requests = []

    def answer(self, status=200, body=None, **headers):
        self.answers.append(
            (status, body, {key.replace("_", "-"): v for key, v in headers.items()})
        )

    async def handle(self, request):
        self.requests.append((request.method, request.path, dict(request.query)))
        status, body, headers = self.answers.pop(0)
        if status is None:
            request.transport.abort()
            return web.Response()
        text = body if isinstance(body, str) else json.dumps(body or {})
        return web.Response(status=status, text=text, headers=headers)


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server, monkeypatch):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    monkeypatch.setattr("devcluster.client.asyncio.sleep", pause)
    async with Client(Connection(server.url, False, {}), "test") as client:
        client.pauses = pauses
        yield client


@pytest.mark.parametrize(
    ("code", "kind"),
    [(404, NotFoundError), (409, ConflictError), (410, GoneError), (422, ApiError)],
)
async def test_refusals(server, client, code, kind):
    server.answer(code, {"kind": "Status", "reason": "Because", "message": "it is so"})
    with pytest.raises(kind, match="it is so") as caught:
        await client.create(PODS, "ns", {})
    assert (type(caught.value), caught.value.code, caught.value.reason) == (kind, code, "Because")


async def test_reads_are_tried_again(server, client):
    for status in (503, 500, None):
        server.answer(status, "busy")
    server.answer(200, {"kind": "Pod"})
    assert await client.get(PODS, "ns", "a") == {"kind": "Pod"}
    assert len(server.requests) == 4


async def test_reads_are_given_up_in_the_end(server, client):
    for _ in range(5):
        server.answer(503, "busy")
    with pytest.raises(UnavailableError, match="busy"):
        await client.get(PODS, "ns", "a")
    assert not server.answers


async def test_writes_are_not_repeated_when_nobody_knows_what_they_did(server, client):
    for status in (503, None):
        server.answer(status, "lost")
        with pytest.raises(UnavailableError):
            await client.create(PODS, "ns", {})
    assert len(server.requests) == 2


async def test_a_busy_server_says_how_long_to_wait(server, client):
    server.answer(429, "later", Retry_After="3")
    server.answer(201, {"kind": "Pod"})
    assert await client.create(PODS, "ns", {}) == {"kind": "Pod"}
    assert client.pauses == [3]


async def test_a_list_comes_in_pages(server, client):
    server.answer(body={"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]})
    server.answer(body={"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {}}]})
    items, version = await client.list(PODS, "ns", labelSelector="x=y")
    assert version == "9"
    assert [(item["kind"], item["apiVersion"]) for item in items] == [("Pod", "v1")] * 2
    assert [query.get("continue") for _, _, query in server.requests] == [None, "more"]
    assert {query["labelSelector"] for _, _, query in server.requests} == {"x=y"}


async def test_a_watch_tells_changes_until_it_is_refused(server, client):
    lines = [
        {"type": "ADDED", "object": {"metadata": {"name": "a" * 300_000}}},
        {"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}},
    ]
    server.answer(body="\n".join(json.dumps(line) for line in lines) + "\n")
    seen = []

    async def follow():
        async for kind, item in client.watch(PODS, "5", seconds=60):
            seen.append((kind, len(item["metadata"]["name"])))

    with pytest.raises(GoneError, match="too old"):
        await follow()
    assert seen == [("ADDED", 300_000)]
    assert server.requests[0][2]["resourceVersion"] == "5"


def item(name, version, uid=None):
    meta = {"name": name, "namespace": "ns", "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": meta}


class Script:
    """A client that plays lists and watches, and then has nothing more to say."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.versions = []
        self.over = asyncio.Event()

    async def list(self, _resource, **_):
        return await self.next()

    async def next(self):
        if not self.acts:
            self.over.set()
            await asyncio.Event().wait()
        act = self.acts.pop(0)
        if isinstance(act, Exception):
            raise act
        return act

    async def watch(self, _resource, version, **_):
        self.versions.append(version)
        for event in await self.next():
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr("devcluster.informer._PAUSE", 0.0)


async def play(*acts):
    """What an informer has, and what it told, after these acts."""
    script = Script(*acts)
    told = []
    informer = Informer(
        script, PODS, lambda item, gone: told.append((item["metadata"]["name"], gone))
    )
    task = asyncio.create_task(informer.run())
    await script.over.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return {one["metadata"]["name"]: one for one in informer}, told, script.versions, informer


async def test_an_informer_follows_the_changes():
    store, told, versions, _ = await play(
        ([item("a", 1), item("b", 2)], "2"),
        [("MODIFIED", item("a", 3)), ("DELETED", item("b", 4)), ("BOOKMARK", item("", 9))],
    )
    assert set(store) == {"a"}
    assert told == [("a", False), ("b", False), ("a", False), ("b", True)]
    assert versions == ["2", "9"]


async def test_an_informer_lists_again_when_history_is_forgotten():
    store, told, versions, _ = await play(
        ([item("a", 1), item("b", 2)], "2"),
        [GoneError(410, "Expired", "too old")],
        ([item("a", 1), item("c", 7)], "7"),
    )
    assert set(store) == {"a", "c"}
    assert told[2:] == [("b", True), ("c", False)]
    assert versions == ["2", "7"]


async def test_an_informer_goes_on_after_a_dropped_watch():
    _, _, versions, _ = await play(
        ([], "2"), [("ADDED", item("a", 3)), UnavailableError(0, "NoAnswer", "dropped")]
    )
    assert versions == ["2", "3"]


async def test_the_newest_state_wins_whichever_way_it_comes():
    *_, informer = await play(([item("a", 5)], "5"))
    informer.put(item("a", 4))
    assert informer.get("ns/a")["metadata"]["resourceVersion"] == "5"
    informer.put(item("a", 6))
    assert informer.get("ns/a")["metadata"]["resourceVersion"] == "6"
    informer.drop(item("a", 7))
    informer.put(item("a", 6))  # the answer to a write that came after the end
    assert informer.get("ns/a") is None


async def test_a_new_object_of_the_same_name_is_another_one():
    _, told, _, informer = await play(([item("a", 5, uid="old")], "5"))
    informer.put(item("a", 9, uid="new"))
    assert told[1:] == [("a", True), ("a", False)]
    informer.drop(item("a", 8, uid="old"))
    assert informer.get("ns/a")["metadata"]["uid"] == "new"
