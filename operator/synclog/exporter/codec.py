"""Compression of parts, the same bytes for the same records; and the way back, checked."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

from isal import igzip_lib, isal_zlib

from synclog.api.output import Compression
from synclog.exporter.errors import IntegrityError
from synclog.exporter.regroup import regrouped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIXES = {Compression.NONE: "", Compression.GZIP: ".gz", Compression.ZSTD: ".zst"}
"""What a part's name ends in."""

_BLOCK = 1 << 20
_BITE = 16 << 10
"""Gzip grows a thousandfold at most, so this many bytes become 16 MiB at most."""
_GZIP_WINDOW = 31
"""zlib's code for a gzip member with the largest window; its header holds no time."""
_GZIP_LEVEL = 1
_ZSTD: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 1,
    zstd.CompressionParameter.checksum_flag: 1,
}


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _compressor(compression: Literal[Compression.GZIP, Compression.ZSTD]) -> _Compressor:
    if compression is Compression.GZIP:
        return isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)
    return zstd.ZstdCompressor(options=_ZSTD)


def compressed(blocks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Compress a stream.

    The output of both libraries depends on how their input is cut, so the input is
    cut anew into blocks of exactly 1 MiB: equal records make equal files.
    """
    if compression is Compression.NONE:
        yield from blocks
        return
    compressor = _compressor(compression)
    for block in regrouped(blocks, _BLOCK):
        if data := compressor.compress(block):
            yield data
    if data := compressor.flush():
        yield data


def decompressed(blocks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """The way back, with bounded memory also for data that was made to burst it.

    Raises:
        IntegrityError: the stream is damaged, cut short, or has something behind its end.
    """
    match compression:
        case Compression.NONE:
            yield from blocks
        case Compression.GZIP:
            yield from _gunzipped(blocks)
        case Compression.ZSTD:
            yield from _unzstded(blocks)


def bounded(blocks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Pass blocks on, and no more than was written: a small file may grow without an end.

    Raises:
        IntegrityError: there is more.
    """
    for block in blocks:
        most -= len(block)
        if most < 0:
            raise IntegrityError("PartDamaged", "it holds more than was written")
        yield block


def _gunzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = isal_zlib.decompressobj(_GZIP_WINDOW)
    for block in blocks:
        for at in range(0, len(block), _BITE):
            if decompressor.eof:
                raise _trailing()
            try:
                plain = decompressor.decompress(block[at : at + _BITE])
            except igzip_lib.IsalError as error:  # type: ignore[misc] # the stub declares a value, not a class
                raise IntegrityError("PartDamaged", f"damaged gzip data: {error}") from error
            if plain:
                yield plain
    if not decompressor.eof:
        raise _cut()
    if decompressor.unused_data:
        raise _trailing()


def _unzstded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zstd.ZstdDecompressor()
    for block in blocks:
        data = block
        while data or not (decompressor.eof or decompressor.needs_input):
            if decompressor.eof:
                raise _trailing()
            try:
                plain = decompressor.decompress(data, _BLOCK)
            except zstd.ZstdError as error:
                raise IntegrityError("PartDamaged", f"damaged zstd data: {error}") from error
            data = b""
            if plain:
                yield plain
    if not decompressor.eof:
        raise _cut()
    if decompressor.unused_data:
        raise _trailing()


def _cut() -> IntegrityError:
    return IntegrityError("PartDamaged", "the compressed data ends too early")


def _trailing() -> IntegrityError:
    return IntegrityError("PartDamaged", "something follows the end of the compressed data")


class Digest:
    """SHA-256 and length of bytes that pass by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def of(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass blocks on, and take note of them."""
        for block in blocks:
            self._hash.update(block)
            self.size += len(block)
            yield block

    def hexdigest(self) -> str:
        """SHA-256 of what passed by so far, in hex."""
        return self._hash.hexdigest()
