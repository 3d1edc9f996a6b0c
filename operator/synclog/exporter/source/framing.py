"""How the end of a body is known, and bodies that come encoded though nobody asked for it.

A body ends by its ``Content-Length``, by its last chunk, or when the connection closes. In the
last case a body that was cut short looks like a whole one, so it proves nothing by itself.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from synclog.exporter.errors import AnswerError

_OUTPUT_BLOCK = 256 * 1024
_GZIP = 31  # zlib's window bits for a gzip member with its trailer
_GZIP_MAGIC = b"\x1f"


class Framing(Enum):
    """How the end of a body is known."""

    LENGTH = "contentLength"
    CHUNKED = "chunked"
    CLOSE = "close"

    @property
    def tells_the_end(self) -> bool:
        """Whether a body that was cut short is noticed."""
        return self is not Framing.CLOSE


class CutShortError(Exception):
    """Raised when an encoded body ends before its own end."""


def framing_of(headers: Mapping[str, str]) -> Framing:
    """The framing of an answer with these headers (names in lower case or any case)."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Framing.CHUNKED
    if "content-length" in headers:
        return Framing.LENGTH
    return Framing.CLOSE


def decode(blocks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """Undo a ``Content-Encoding``.

    The exporter asks for ``identity``; gzip is understood all the same, with every member
    and every trailer checked.

    Raises:
        AnswerError: the encoding is another one, or the bytes are not what it says.
        CutShortError: the body ends inside a gzip member.
    """
    name = (encoding or "identity").strip().lower()
    if name in ("identity", ""):
        yield from blocks
    elif name in ("gzip", "x-gzip"):
        yield from _gunzip(blocks)
    else:
        raise AnswerError(
            "UnexpectedEncoding",
            f"the source answered with Content-Encoding {name[:40]!r}, though identity was asked",
        )


def _gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    begun = False
    try:
        for block in blocks:
            rest = block
            while rest:
                if member.eof:
                    if not rest.startswith(_GZIP_MAGIC):
                        raise AnswerError(
                            "MalformedEncoding", "the answer has bytes after its gzip member"
                        )
                    member = zlib.decompressobj(_GZIP)
                begun = True
                plain = member.decompress(rest, _OUTPUT_BLOCK)
                rest = member.unused_data if member.eof else member.unconsumed_tail
                if plain:
                    yield plain
            while not member.eof and (plain := member.decompress(b"", _OUTPUT_BLOCK)):
                yield plain  # output that did not fit in one block
    except zlib.error as error:
        raise AnswerError("MalformedEncoding", f"the answer is no valid gzip: {error}") from error
    if begun and not member.eof:
        raise CutShortError("the body ends inside a gzip member")
