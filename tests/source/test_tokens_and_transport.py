"""Tokens, refusals, retries and redirects, over real HTTP."""

import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from devcluster.code42 import MARKER, Behaviour, Body, Faults, Population, Tokens, running
from synclog.api.source import ApiClientAuth, Auth, BearerTokenAuth, SourceFormat, UserPasswordAuth
from synclog.exporter.errors import (
    AnswerError,
    AuthorisationError,
    ConfigurationError,
    ExportError,
    Interrupted,
    SourceError,
)
from synclog.exporter.source import ApiClient, BearerToken, UserPassword
from synclog.windows import Window

BUSY = Population(events_per_day=900)
JSON = SourceFormat.JSON
Bench = Callable[..., Any]


def test_an_api_client_on_the_gateway(bench: Bench) -> None:
    with running(Behaviour(), 1) as gateway:
        auth = Auth(api_client=ApiClientAuth(secret_name="x", token_url=f"{gateway.url}/v1/oauth"))
        client = ApiClient(gateway.client_id, gateway.client_secret)
        with (
            bench(Behaviour(), auth=auth, credentials=client) as b,
            pytest.raises(AuthorisationError),
        ):
            b.read()  # the tokens of another simulation: but they were given
        assert [request.status for request in gateway.requests] == [200, 200]


def test_a_local_user_with_fresh_codes(bench: Bench) -> None:
    behaviour = Behaviour(population=BUSY, tokens=Tokens(totp="single_use"))
    auth = Auth(user_password=UserPasswordAuth(secret_name="x"))
    with running() as other:
        known = other.credentials
    user = UserPassword(known.username, known.password, known.totp_seed)
    with bench(behaviour, auth=auth, credentials=user) as b:
        b.read_truly()
    without = UserPassword(known.username, known.password)
    with bench(behaviour, auth=auth, credentials=without) as b, pytest.raises(AuthorisationError):
        b.read()


def test_a_ready_token(bench: Bench) -> None:
    auth = Auth(bearer_token=BearerTokenAuth(secret_name="x"))
    with bench(Behaviour(), auth=auth, credentials=BearerToken("stale")) as b:
        with pytest.raises(AuthorisationError, match="refuses the credentials") as caught:
            b.read()
        assert len(b.simulation.requests) == 1  # there is no other token to try
    assert caught.value.reason == "TokenRefused"
    said = caught.value.message.partition("credentials: ")[2]
    assert not said.startswith("(")  # the source's own words come first
    assert "(there is no other token to try)" in said


def test_a_token_that_expires_in_the_middle_goes_on_at_the_same_page(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY, tokens=Tokens(requests=3)), JSON, page_size=100) as b:
        reading = b.read_truly()
    assert reading.evidence.retries > 0
    queries = [answer.query for answer in reading.evidence.answers]
    assert len(queries) == len(set(queries))


def test_tokens_expire_all_at_once(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY)) as b:
        b.read_truly()
        b.simulation.expire_tokens()
        b.spool.truncate(0)
        assert b.read_truly().evidence.retries == 1


@pytest.mark.parametrize("permission", ["no_permission", "no_api_in_plan"])
@pytest.mark.parametrize("shape", ["list", "problem", "spring"])
def test_a_second_401_ends_the_run_with_the_reason(
    bench: Bench, permission: Any, shape: Any
) -> None:
    behaviour = Behaviour(tokens=Tokens(permission=permission), error_shape=shape)
    with bench(behaviour) as b:
        with pytest.raises(AuthorisationError, match=r"permission|plan") as caught:
            b.read()
        statuses = [request.status for request in b.simulation.requests]
        assert statuses.count(401) == 2
        assert not b.simulation.leaks(caught.value.message)


def test_a_wrong_secret_is_refused_at_once(bench: Bench) -> None:
    with bench(Behaviour(), credentials=ApiClient("id", "wrong-secret")) as b:
        with pytest.raises(AuthorisationError) as caught:
            b.read()
        assert len(b.simulation.requests) == 1
    assert "wrong-secret" not in caught.value.message


@pytest.mark.parametrize("route", ["data", "tokens"])
def test_a_redirect_to_another_host_gets_no_token(bench: Bench, route: Any) -> None:
    with running(Behaviour(), 1) as elsewhere:
        faults = Faults(redirect_to=elsewhere.url, on=(route,))
        with bench(Behaviour(faults=faults)) as b, pytest.raises(AnswerError) as caught:
            b.read()
        assert caught.value.reason == "RedirectRefused"
        assert not elsewhere.requests


@pytest.mark.parametrize("retry_after", ["seconds", "date", "absent"])
def test_429_is_waited_for(bench: Bench, retry_after: Any) -> None:
    faults = Faults(throttle_rate=0.4, retry_after=retry_after, retry_after_seconds=100)
    with bench(Behaviour(population=BUSY, faults=faults), JSON, page_size=100) as b:
        reading = b.read_truly()
    assert reading.evidence.retries > 0
    asked = [seconds for seconds in b.stop.waited if seconds > 60]  # no back-off is as long
    assert bool(asked) == (retry_after != "absent")


def test_a_source_that_is_down_for_a_moment(bench: Bench) -> None:
    faults = Faults(error_rate=0.3, reset_rate=0.2, on=("data", "tokens"))
    with bench(Behaviour(population=BUSY, faults=faults), JSON, page_size=100) as b:
        assert b.read_truly().evidence.retries > 0


def test_a_source_that_stays_down(bench: Bench) -> None:
    with bench(Behaviour(faults=Faults(error_rate=1.0), error_shape="html")) as b:
        with pytest.raises(SourceError, match=r"503: an HTML page.*\(6 tries\)") as caught:
            b.read()
        waits = [wait for wait in b.stop.waited if wait]
    assert caught.value.reason == "SourceUnavailable"
    assert all(earlier < later for earlier, later in itertools.pairwise(waits))


def test_nobody_listens(bench: Bench) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{placeholder.getsockname()[1]}"
        with bench(Behaviour(), url=url) as b, pytest.raises(SourceError, match="failed") as caught:
            b.read()
    assert caught.value.reason == "Unreachable"


def test_a_wrong_path_is_an_error_of_configuration(bench: Bench) -> None:
    for form in SourceFormat:
        with (
            bench(Behaviour(), form, path="/api/v3/Nothing") as b,
            pytest.raises(ConfigurationError, match=r"source\.path"),
        ):
            b.read()


def test_requests_per_minute(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY), JSON, requests_per_minute=2, page_size=200) as b:
        requests = b.read_truly().evidence.requests
        assert sum(wait > 50 for wait in b.stop.waited) >= requests - 2


def test_told_to_stop(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY)) as b:
        b.reader.server_time()
        b.stop.set()
        with pytest.raises(Interrupted):
            b.read()


def test_told_to_stop_in_the_middle_of_a_slow_body(bench: Bench) -> None:
    slow = Behaviour(population=BUSY, body=Body(bytes_per_second=200_000))
    with bench(slow) as b:
        b.reader.server_time()
        timer = threading.Timer(0.05, b.stop.set)
        timer.start()
        with pytest.raises(Interrupted):
            b.read()
        timer.join()


def test_clocks(bench: Bench) -> None:
    with bench(Behaviour(date_skew_ms=-3_600_000)) as b:
        reading = b.reader.server_time()
        assert -3_602_000 < reading.offset < -3_599_000
        assert b.read().evidence.clock_offset_ms < -3_599_000
    with bench(Behaviour(date_absent=True)) as b, pytest.raises(AnswerError, match="Date"):
        b.reader.server_time()


def test_the_clock_of_a_token_host_does_not_count(bench: Bench) -> None:
    with running(Behaviour(date_skew_ms=7_200_000), 1) as gateway:
        auth = Auth(api_client=ApiClientAuth(secret_name="x", token_url=f"{gateway.url}/v1/oauth"))
        client = ApiClient(gateway.client_id, gateway.client_secret)
        with bench(Behaviour(), auth=auth, credentials=client) as b:
            with pytest.raises(ExportError):
                b.reader.server_time()
            assert b.reader.server_time().offset < 60_000


def test_a_private_authority(bench: Bench, tmp_path: Path) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with bench(Behaviour(population=BUSY), tls=context, ca_file=bundle) as b:
        b.read_truly()
    with (
        bench(Behaviour(), tls=context) as b,
        pytest.raises(ConfigurationError, match=r"set source\.caBundle") as caught,
    ):
        b.read()
    assert caught.value.reason == "CertificateRefused"
    bundle.write_text("no certificate")
    with pytest.raises(ConfigurationError, match="PEM"), bench(Behaviour(), ca_file=bundle):
        pass


def test_nothing_secret_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with bench(Behaviour(population=BUSY, faults=Faults(error_rate=0.3)), JSON) as b:
        reading = b.read_truly()
        said = caplog.text + repr(b.reader) + repr(vars(b.reader)) + repr(reading)
        assert not b.simulation.leaks(said)
    assert MARKER not in said


@contextmanager
def raw_server(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A server that answers each connection with bytes, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                connection, _ = listener.accept()
                with connection:
                    request = b""
                    while b"\r\n\r\n" not in request and not done.is_set():
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        request += piece
                    if request:
                        connection.sendall(answer(request))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            socket.create_connection(listener.getsockname()).close()
            thread.join()


EDGE = 1_785_542_400_000
ROWS = b"".join(
    b"2026-08-01T%02d:00:00.000Z,%s\r\n" % (hour, b'"a, ""b""\r\nc"' if hour % 3 else b"x" * hour)
    for hour in range(5)
)
BODY = b"logEventTimeStamp,value\r\n" + ROWS
DATE = b"Date: Sat, 08 Aug 2026 00:00:00 GMT\r\n"


def framed(framing: str, body: bytes, cut: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nConnection: close\r\n" + DATE
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:cut]
    if framing == "chunked":
        chunked = b"".join(
            b"%x\r\n%s\r\n" % (len(body[at : at + 7]), body[at : at + 7])
            for at in range(0, len(body), 7)
        )
        whole = chunked + b"0\r\n\r\n"
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + whole[: len(whole) * cut // len(body)]
    return head + b"\r\n" + body[:cut]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_small_body_cut_at_every_byte_is_never_taken_for_a_whole_one(
    bench: Bench, framing: str
) -> None:
    """The source ignores the bounds and cuts every answer at the same byte."""
    auth = Auth(bearer_token=BearerTokenAuth(secret_name="x"))
    window = Window(EDGE, EDGE + 5 * 3_600_000)
    cut = [0]
    with (
        raw_server(lambda _: framed(framing, BODY, cut[0])) as url,
        bench(Behaviour(), url=url, auth=auth, credentials=BearerToken("t")) as b,
    ):
        for cut[0] in range(len(BODY)):
            with pytest.raises(SourceError):
                b.read(window)


def test_a_redirect_within_the_host_is_followed(bench: Bench) -> None:
    def answer(request: bytes) -> bytes:
        if b"/moved" in request.split(b"\r\n")[0]:
            assert b"authorization: bearer t" in request.lower()
            return framed("length", BODY, len(BODY))
        return b"HTTP/1.1 307 Moved\r\nLocation: /moved?all\r\nContent-Length: 0\r\n\r\n"

    auth = Auth(bearer_token=BearerTokenAuth(secret_name="x"))
    with (
        raw_server(answer) as url,
        bench(Behaviour(), url=url, auth=auth, credentials=BearerToken("t")) as b,
    ):
        assert b.read(Window(EDGE, EDGE + 5 * 3_600_000)).events == 5
        assert bytes(b.spool.data) == ROWS


def test_a_token_url_that_is_none_is_a_matter_of_the_spec(bench: Bench) -> None:
    auth = Auth(api_client=ApiClientAuth(secret_name="x", token_url="https://host:port/oauth"))
    with (
        bench(Behaviour(), auth=auth, credentials=ApiClient("id", "secret")) as b,
        pytest.raises(ConfigurationError, match="tokenUrl") as caught,
    ):
        b.read()
    assert caught.value.reason == "InvalidUrl"


def test_a_circle_of_redirects(bench: Bench) -> None:
    circle = b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    auth = Auth(bearer_token=BearerTokenAuth(secret_name="x"))
    with (
        raw_server(lambda _: circle) as url,
        bench(Behaviour(), url=url, auth=auth, credentials=BearerToken("t")) as b,
        pytest.raises(AnswerError, match="circle"),
    ):
        b.read()
