"""How a body travels: framing, encoding, and every way of breaking off."""

import asyncio
import gzip
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from devcluster.code42.behaviour import Body

_BLOCK = 256 * 1024


class _CloseDelimited(web.StreamResponse):
    """A body that ends where the connection does."""

    # aiohttp would frame an HTTP/1.1 body of unknown length in chunks; its WebSocketResponse
    # turns that off by the same attribute.
    _length_check = False


def encoded(body: bytes, how: Body, accept_encoding: str) -> tuple[bytes, str | None]:
    """The body as it travels, and its Content-Encoding."""
    accepted = how.force_encoding or "gzip" in accept_encoding
    if how.encoding == "identity" or not accepted:
        return body, None
    if how.encoding == "gzip":
        return gzip.compress(body, 1, mtime=0), "gzip"
    half = len(body) // 2
    members = (gzip.compress(part, 1, mtime=0) for part in (body[:half], body[half:]))
    return b"".join(members), "gzip"


def cut_at(how: Body, size: int) -> int | None:
    """After how many of ``size`` bytes the body breaks off; None where it does not."""
    if how.cut_bytes is not None:
        return how.cut_bytes if how.cut_bytes < size else None
    if how.cut_share is not None:
        cut = int(size * how.cut_share)
        return cut if cut < size else None
    return None


async def send(
    request: web.Request, body: bytes, how: Body, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer 200 with a body, framed, encoded, cut and delayed as told."""
    body, content_encoding = encoded(body, how, request.headers.get("Accept-Encoding", ""))
    cut = cut_at(how, len(body))
    if cut is not None and how.cut_by == "reframed":
        body, cut = body[:cut], None
    kind = _CloseDelimited if how.framing == "close" else web.StreamResponse
    response = kind(headers=headers)
    if content_encoding:
        response.headers["Content-Encoding"] = content_encoding
    if how.framing == "length":
        response.content_length = len(body)
    elif how.framing == "chunked":
        response.enable_chunked_encoding()
    else:
        response.force_close()
    await response.prepare(request)
    if request.method != "HEAD":
        await _write(response, memoryview(body)[:cut], how.bytes_per_second)
        if cut is not None:
            break_off(request, reset=how.cut_by == "reset")
    return response


async def _write(response: web.StreamResponse, body: memoryview, bytes_per_second: int) -> None:
    # A trickle sends a tenth of a second's bytes at a time.
    block = max(1, bytes_per_second // 10) if bytes_per_second else _BLOCK
    for at in range(0, len(body), block):
        piece = body[at : at + block]
        await response.write(piece)
        if bytes_per_second:
            await asyncio.sleep(len(piece) / bytes_per_second)


def break_off(request: web.Request, *, reset: bool) -> None:
    """End the connection now: after what was written, or at once with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
