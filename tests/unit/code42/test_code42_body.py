"""How bodies travel and break off, read from a bare socket, as the client's library hides it."""

import gzip
import socket
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from devcluster.code42 import Behaviour, Body, Population, from_csv
from synclog.windows import Window, format_time

FEW = Population(events_per_day=30, burst_rows=0)


class ResetError(Exception):
    """The peer reset the connection."""


def raw(client: Any, window: Window, more: str = "", method: str = "GET") -> tuple[str, bytes]:
    """The head and the body of the CSV answer, as they come."""
    request = (
        f"{method} /api/v3/DirectorySyncLog/csv?eventOccurredAfter={format_time(window.start)}"
        f"&eventOccurredBefore={format_time(window.end)} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {client.http.headers['Authorization']}\r\n{more}Connection: close\r\n\r\n"
    )
    address = (client.http.base_url.host, client.http.base_url.port)
    received = b""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request.encode())
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError as error:
            raise ResetError from error
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode().lower(), body


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """The bytes within chunks, and whether the last chunk came."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole, True
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole, False


@pytest.fixture
def plain(connect: Callable, yesterday: Window) -> bytes:
    """The body as it should be."""
    body = bytes(connect(Behaviour(population=FEW)).csv().content)
    assert 10 <= len(from_csv(body)) <= 100
    return body


@pytest.mark.parametrize("cut", [None, 0, 1, 500])
def test_content_length(
    connect: Callable, yesterday: Window, plain: bytes, cut: int | None
) -> None:
    client = connect(Behaviour(population=FEW, body=Body(cut_bytes=cut)))
    head, body = raw(client, yesterday)
    assert f"content-length: {len(plain)}" in head
    assert body == plain[:cut]


@pytest.mark.parametrize("cut", [None, 0, 1, 500])
def test_chunked(connect: Callable, yesterday: Window, plain: bytes, cut: int | None) -> None:
    client = connect(Behaviour(population=FEW, body=Body(framing="chunked", cut_bytes=cut)))
    head, body = raw(client, yesterday)
    assert "transfer-encoding: chunked" in head
    assert "content-length" not in head
    assert unchunked(body) == (plain[:cut], cut is None)


@pytest.mark.parametrize("cut", [None, 0, 1, 500])
def test_close_delimited(
    connect: Callable, yesterday: Window, plain: bytes, cut: int | None
) -> None:
    client = connect(Behaviour(population=FEW, body=Body(framing="close", cut_bytes=cut)))
    head, body = raw(client, yesterday)
    assert head.startswith("http/1.1 200")
    assert "transfer-encoding" not in head
    assert "content-length" not in head
    assert "connection: close" in head
    assert body == plain[:cut]


def test_a_close_delimited_cut_is_silent(connect: Callable, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW, body=Body(framing="close", cut_share=0.5)))
    answer = client.csv()
    assert answer.status_code == 200
    assert answer.content == plain[: len(plain) // 2]


def test_bytes_are_cut_off_the_end(connect: Callable, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW, body=Body(framing="close", cut_end=7)))
    assert client.csv().content == plain[:-7]


def test_a_body_ends_before_a_row(connect: Callable, yesterday: Window, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW))
    times = [event.instant for event in client.source.truth.events(yesterday)]
    body = Body(framing="close", ends_before=times[-1])
    client.source.behave(Behaviour(population=FEW, body=body))
    content = client.csv().content
    assert content == plain[: len(content)]
    assert [event.instant for event in from_csv(content)] == times[: times.index(times[-1])]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_framed_cut_is_heard(connect: Callable, framing: str) -> None:
    client = connect(Behaviour(body=Body(framing=framing, cut_share=0.5)))
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        client.csv()


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_reframed_cut_is_silent(connect: Callable, plain: bytes, framing: str) -> None:
    body = Body(framing=framing, cut_bytes=333, cut_by="reframed")
    assert connect(Behaviour(population=FEW, body=body)).csv().content == plain[:333]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_cut_by_reset(connect: Callable, yesterday: Window, framing: str) -> None:
    client = connect(Behaviour(body=Body(framing=framing, cut_bytes=9, cut_by="reset")))
    with pytest.raises(ResetError):
        raw(client, yesterday)


def test_a_cut_beyond_the_end_cuts_nothing(connect: Callable, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW, body=Body(cut_bytes=len(plain))))
    assert client.csv().content == plain


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_gzip(connect: Callable, yesterday: Window, plain: bytes, framing: str) -> None:
    client = connect(Behaviour(population=FEW, body=Body(framing=framing, encoding="gzip")))
    head, body = raw(client, yesterday, "Accept-Encoding: gzip\r\n")
    assert "content-encoding: gzip" in head
    assert gzip.decompress(unchunked(body)[0] if framing == "chunked" else body) == plain


def test_gzip_is_asked_for(connect: Callable, yesterday: Window, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW, body=Body(encoding="gzip")))
    assert raw(client, yesterday, "Accept-Encoding: identity\r\n")[1] == plain
    client.source.behave(Behaviour(population=FEW, body=Body(encoding="gzip", force_encoding=True)))
    head, body = raw(client, yesterday, "Accept-Encoding: identity\r\n")
    assert "content-encoding: gzip" in head
    assert gzip.decompress(body) == plain


def test_two_gzip_members(connect: Callable, yesterday: Window, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW, body=Body(encoding="gzip_two_members")))
    _, body = raw(client, yesterday, "Accept-Encoding: gzip\r\n")
    first = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert first.decompress(body) == plain[: len(plain) // 2]
    assert first.eof
    assert gzip.decompress(first.unused_data) == plain[len(plain) // 2 :]


def test_a_cut_counts_travelling_bytes(connect: Callable, yesterday: Window) -> None:
    body = Body(framing="close", encoding="gzip", cut_bytes=100)
    assert len(raw(connect(Behaviour(body=body)), yesterday, "Accept-Encoding: gzip\r\n")[1]) == 100


def test_a_trickle_arrives_whole(connect: Callable, plain: bytes) -> None:
    client = connect(Behaviour(population=FEW, body=Body(bytes_per_second=len(plain) * 4)))
    assert client.csv().content == plain


def test_only_told_requests_are_cut(connect: Callable, plain: bytes) -> None:
    client = connect(
        Behaviour(
            population=FEW,
            body=Body(framing="close", cut_bytes=10),
            hostile_from=2,
            hostile_until=2,
        )
    )
    assert [len(client.csv().content) for _ in range(3)] == [len(plain), 10, len(plain)]


def test_head_has_no_body(connect: Callable, yesterday: Window) -> None:
    assert raw(connect(), yesterday, method="HEAD")[1] == b""
