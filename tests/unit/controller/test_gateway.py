"""The real gateway over real HTTP: paths, errors, retries, pages."""

import asyncio
import json
import ssl

import aiohttp
import pytest
import trustme
from aiohttp import web
from kubernetes.client.configuration import Configuration
from kubernetes.config import ConfigException

from synclog.controller import gateway as module
from synclog.controller.clock import ClusterClock
from synclog.controller.connection import Connection, load
from synclog.controller.errors import (
    AlreadyExistsError,
    ConflictError,
    RefusedError,
    UnavailableError,
    WebhookError,
)
from synclog.controller.gateway import EXPORTS, JOBS, PODS, ApiServer
from synclog.controller.throttle import Throttle

REAL_TIME = True


def status(code, reason="", message="", name=""):
    details = {"name": name} if name else {}
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body | {"details": details}, status=code)


@pytest.fixture
async def server(monkeypatch):
    """A server that plays a script: each answer once, the last one for ever."""
    monkeypatch.setattr(module, "_pause", lambda _attempt, asked: pauses.append(asked) or 0.0)
    pauses, seen, script, counted = [], [], [], []

    async def answer(request):
        text = await request.text()
        seen.append((request, json.loads(text) if text else None))
        reply = script.pop(0) if len(script) > 1 else script[0]
        if reply is None:
            request.transport.close()
            raise web.HTTPInternalServerError
        return reply() if callable(reply) else web.json_response(reply)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    configuration.api_key["BearerToken"] = "bearer token-1"
    api = ApiServer(
        configuration,
        Throttle(1000, 1000, 4),
        clock=ClusterClock(),
        record=lambda verb, code: counted.append((verb, code)),
    )
    api.configuration = configuration
    api.seen, api.script, api.counted, api.pauses = seen, script, counted, pauses
    yield api
    await api.close()
    await runner.cleanup()


async def test_requests_go_to_the_right_path_with_the_token(server):
    server.script[:] = [{"metadata": {}, "items": []}]
    await server.get(EXPORTS, "team", "prod")
    await server.create(JOBS, "team", {"metadata": {"name": "j"}})
    await server.patch(EXPORTS, "team", "prod", {"status": {}}, subresource="status")
    await server.replace(PODS, "team", {"metadata": {"name": "p"}})
    await server.delete(JOBS, "team", "j", "u1")
    asked = [(request.method, request.path) for request, _ in server.seen]
    exports = "/apis/synclog.dev/v1beta1/namespaces/team/synclogexports/prod"
    assert asked == [
        ("GET", exports),
        ("POST", "/apis/batch/v1/namespaces/team/jobs"),
        ("PATCH", f"{exports}/status"),
        ("PUT", "/api/v1/namespaces/team/pods/p"),
        ("DELETE", "/apis/batch/v1/namespaces/team/jobs/j"),
    ]
    assert {request.headers["Authorization"] for request, _ in server.seen} == {"bearer token-1"}
    assert server.seen[2][0].headers["Content-Type"] == "application/merge-patch+json"
    assert server.seen[4][1] == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u1"},
    }


async def test_a_list_is_read_page_by_page_with_its_selectors(server):
    server.script[:] = [
        {"metadata": {"continue": "more"}, "items": [{"n": 1}]},
        {"metadata": {}, "items": [{"n": 2}]},
    ]
    pages = [page async for page in server.pages(JOBS, None, labels="a=b", fields="c=d")]
    assert pages == [[{"n": 1}], [{"n": 2}]]
    first, second = (request for request, _ in server.seen)
    assert first.path == "/apis/batch/v1/jobs"
    assert dict(first.query) == {"limit": "500", "labelSelector": "a=b", "fieldSelector": "c=d"}
    assert second.query["continue"] == "more"
    assert server.counted == [("LIST", 200), ("LIST", 200)]


async def test_what_is_not_there_is_none_and_not_an_error(server):
    server.script[:] = [lambda: status(404, "NotFound", name="prod")]
    assert await server.get(EXPORTS, "team", "prod") is None
    assert await server.patch(EXPORTS, "team", "prod", {}) is None
    assert await server.delete(EXPORTS, "team", "prod", "u") is False


async def test_a_path_that_the_server_does_not_know_is_an_error(server):
    """The CRD is not installed: that is not an object that was deleted."""
    server.script[:] = [lambda: web.Response(status=404, text="404 page not found")]
    with pytest.raises(RefusedError) as raised:
        await server.get(EXPORTS, "team", "prod")
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (409, "AlreadyExists", AlreadyExistsError),
        (409, "Conflict", ConflictError),
        (403, "Forbidden", RefusedError),
        (422, "Invalid", RefusedError),
        (400, "BadRequest", RefusedError),
    ],
)
async def test_a_no_is_not_asked_again(server, code, reason, kind):
    server.script[:] = [lambda: status(code, reason, "because")]
    with pytest.raises(kind, match="because"):
        await server.create(JOBS, "team", {"metadata": {"name": "j"}})
    assert len(server.seen) == 1


@pytest.mark.parametrize("code", [401, 429, 500, 503])
async def test_a_later_is_asked_again_until_it_works(server, code):
    server.script[:] = [lambda: status(code), lambda: status(code), {"ok": True}]
    assert await server.create(JOBS, "team", {"metadata": {"name": "j"}}) == {"ok": True}
    assert server.counted == [("POST", code), ("POST", code), ("POST", 200)]


async def test_a_connection_that_is_cut_is_tried_again(server):
    server.script[:] = [None, {"ok": True}]
    assert await server.patch(EXPORTS, "team", "prod", {}) == {"ok": True}
    assert server.counted == [("PATCH", 0), ("PATCH", 200)]


async def test_a_token_is_kept_for_a_while_and_renewed_when_it_is_refused(server):
    """To ask for one may read a file, or run a program that signs in."""
    asked = []

    def renew(configuration):
        asked.append(1)
        configuration.api_key["BearerToken"] = f"bearer token-{len(asked)}"

    server.configuration.refresh_api_key_hook = renew
    server.script[:] = [{}, {}, lambda: status(401), {}]
    for _ in range(3):
        await server.get(EXPORTS, "team", "prod")
    sent = [request.headers["Authorization"] for request, _ in server.seen]
    assert sent == ["bearer token-1"] * 3 + ["bearer token-2"]


async def test_a_token_that_cannot_be_read_is_asked_for_again(server):
    """Its file may be empty for a moment while it is replaced."""
    failures = [ConfigException("Token file exists but empty.")]

    def hook(_configuration):
        if failures:
            raise failures.pop()

    server.configuration.refresh_api_key_hook = hook
    server.script[:] = [{"ok": True}]
    assert await server.get(EXPORTS, "team", "prod") == {"ok": True}
    assert server.counted == [("GET", 0), ("GET", 200)]


async def test_an_authority_that_is_not_ours_is_not_believed(tmp_path):
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ours.crt")
    theirs.cert_pem.write_to_path(tmp_path / "theirs.crt")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.issue_cert("127.0.0.1").configure_cert(tls)

    async def answer(_request):
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()

    async def ask(**settings):
        configuration = Configuration()
        configuration.host = f"https://127.0.0.1:{runner.addresses[0][1]}"
        for name, value in settings.items():
            setattr(configuration, name, value)
        connection = Connection(configuration, 5)
        try:
            status, _, _ = await connection.send("GET", "/x", {}, None)
        finally:
            await connection.close()
        return status

    assert await ask(ssl_ca_cert=str(tmp_path / "ours.crt")) == 200
    assert await ask(verify_ssl=False) == 200
    for settings in ({}, {"ssl_ca_cert": str(tmp_path / "theirs.crt")}):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ask(**settings)
    await runner.cleanup()


@pytest.mark.parametrize("page", ["<html>a proxy</html>", "", "[]"])
async def test_an_answer_that_is_no_object_is_no_answer(server, page):
    """It came from something before the API server: another try may reach that one."""
    odd = lambda: web.Response(text=page)  # noqa: E731 - one answer of the script
    server.script[:] = [odd, {"ok": True}]
    assert await server.get(EXPORTS, "team", "prod") == {"ok": True}
    server.script[:] = [odd]
    with pytest.raises(UnavailableError, match="no JSON object"):
        await server.get(EXPORTS, "team", "prod")


async def test_in_the_end_it_gives_up_and_says_why(server):
    server.script[:] = [lambda: status(503, "ServiceUnavailable", "starting")]
    with pytest.raises(UnavailableError, match="starting"):
        await server.get(EXPORTS, "team", "prod")
    assert len(server.seen) == module.ATTEMPTS


async def test_a_webhook_that_does_not_answer_is_told_from_a_server_that_is_busy(server):
    said = 'Internal error occurred: failed calling webhook "w": failed to call webhook'
    server.script[:] = [lambda: status(500, "InternalError", said)]
    with pytest.raises(WebhookError, match="failed calling webhook"):
        await server.create(JOBS, "team", {"metadata": {"name": "j"}})
    assert len(server.seen) == module.ATTEMPTS, "it may be back in a moment"


async def test_the_servers_wish_to_wait_is_heard(server):
    def later():
        return web.json_response({}, status=429, headers={"Retry-After": "7"})

    server.script[:] = [later, {"ok": True}]
    await server.get(EXPORTS, "team", "prod")
    assert server.pauses == ["7"]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [(None, 0.1, 0.2), ("7", 7.1, 7.2), ("x", 0.1, 0.2), ("9999", 30, 31)],
)
def test_pauses_grow_and_stay_sane(asked, least, most):
    assert least <= module._pause(0, asked) <= most
    assert module._pause(5, asked) > module._pause(0, asked)


async def test_a_name_that_is_another_objects_by_now_is_not_deleted(server):
    server.script[:] = [lambda: status(409, "Conflict", "the UID in the precondition differs")]
    assert await server.delete(JOBS, "team", "j", "old") is False


async def test_many_requests_share_the_connections(server):
    server.script[:] = [{"ok": True}]
    found = await asyncio.gather(*(server.get(EXPORTS, "team", str(n)) for n in range(50)))
    assert found == [{"ok": True}] * 50


async def test_a_silent_server_is_given_up_and_asked_again(server):
    silent = asyncio.Event()

    async def hang(_request):
        await silent.wait()
        raise web.HTTPInternalServerError

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", hang)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    counted = []
    impatient = ApiServer(
        configuration,
        Throttle(1000, 1000, 2),
        clock=ClusterClock(),
        patience=0.05,
        record=lambda _verb, code: counted.append(code),
    )
    with pytest.raises(UnavailableError, match="Timeout"):
        await impatient.get(EXPORTS, "team", "prod")
    assert counted == [0] * module.ATTEMPTS
    await impatient.close()
    silent.set()
    await runner.cleanup()


@pytest.mark.parametrize("text", ["a: [", "{}", None])
def test_a_kubeconfig_that_cannot_be_read_is_told_what_to_do(tmp_path, text):
    file = tmp_path / "kubeconfig"
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    with pytest.raises(ValueError, match="name a --kubeconfig"):
        load(str(file), None)


def test_a_kubeconfig_that_watches_cannot_use_is_refused(tmp_path):
    cluster = {"server": "https://127.0.0.1:1", "tls-server-name": "api.example.com"}
    config = {
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "it", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "it",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="tls-server-name, which watches cannot use"):
        load(str(path), None)
    del cluster["tls-server-name"]
    path.write_text(json.dumps(config))
    assert load(str(path), None).host == "https://127.0.0.1:1"


async def test_a_user_and_a_password_are_sent_where_there_is_no_token(server):
    del server.configuration.api_key["BearerToken"]
    server.configuration.username, server.configuration.password = "me", "secret"
    server.script[:] = [{}]
    await server.get(EXPORTS, "team", "prod")
    assert server.seen[0][0].headers["Authorization"] == aiohttp.encode_basic_auth("me", "secret")
