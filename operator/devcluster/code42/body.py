"""How a body travels: framing, encoding, and every way of breaking off."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from devcluster.code42.behaviour import Body

_PIECE = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Content:
    """A body in blocks, made as they are sent, and its size in bytes."""

    blocks: Iterable[bytes]
    size: int

    @classmethod
    def of(cls, body: bytes) -> "Content":
        """A body that is at hand."""
        return cls((body,), len(body))


class _CloseDelimited(web.StreamResponse):
    """A body that ends where the connection does."""

    # aiohttp would frame an HTTP/1.1 body of unknown length in chunks; its WebSocketResponse
    # turns that off by the same attribute.
    _length_check = False


def encoded(content: Content, how: Body) -> Content:
    """The body under the Content-Encoding that is asked for, other than identity."""
    if how.encoding == "gzip_two_members":
        body = b"".join(content.blocks)
        half = len(body) // 2
        members = (gzip.compress(part, 1, mtime=0) for part in (body[:half], body[half:]))
        return Content.of(b"".join(members))
    blocks = list(_compressed(content.blocks))
    return Content(blocks, sum(map(len, blocks)))


def _compressed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    for block in blocks:
        yield compressor.compress(block)
    yield compressor.flush()


def cut_at(how: Body, size: int) -> int | None:
    """After how many of ``size`` bytes the body breaks off; None where it does not."""
    cut = size
    if how.cut_bytes is not None:
        cut = how.cut_bytes
    elif how.cut_share is not None:
        cut = int(size * how.cut_share)
    elif how.cut_end is not None:
        cut = max(size - how.cut_end, 0)
    return cut if cut < size else None


async def send(
    request: web.Request, content: Content, how: Body, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer 200 with a body, framed, encoded, cut and delayed as told."""
    response = (_CloseDelimited if how.framing == "close" else web.StreamResponse)(headers=headers)
    accepted = how.force_encoding or "gzip" in request.headers.get("Accept-Encoding", "")
    if how.encoding != "identity" and accepted:
        # In a thread, so that a large body does not hold up other requests.
        content = await asyncio.to_thread(encoded, content, how)
        response.headers["Content-Encoding"] = "gzip"
    cut = cut_at(how, content.size)
    sent = content.size if cut is None else cut
    if how.framing == "length":
        response.content_length = sent if how.cut_by == "reframed" else content.size
    elif how.framing == "chunked":
        response.enable_chunked_encoding()
    else:
        response.force_close()
    await response.prepare(request)
    if request.method != "HEAD":
        await _write(response, content.blocks, sent, how.bytes_per_second)
        if cut is not None and how.cut_by != "reframed":
            break_off(request, reset=how.cut_by == "reset")
    return response


async def _write(
    response: web.StreamResponse, blocks: Iterable[bytes], size: int, bytes_per_second: int
) -> None:
    """Send the first ``size`` bytes of the blocks."""
    # A trickle sends a tenth of a second's bytes at a time.
    step = max(1, bytes_per_second // 10) if bytes_per_second else _PIECE
    left = size
    for block in blocks:
        whole = memoryview(block)[:left]
        left -= len(whole)
        for at in range(0, len(whole), step):
            piece = whole[at : at + step]
            await response.write(piece)
            if bytes_per_second:
                await asyncio.sleep(len(piece) / bytes_per_second)
        if not left:
            break


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
