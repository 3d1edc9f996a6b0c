"""The spool: where the records of a window wait until they are proven complete."""

import errno
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from synclog.exporter.errors import ConfigurationError, DestinationError

_BLOCK = 1 << 20


class RecordSpool:
    """A nameless file of records. It vanishes with the process, however that ends.

    Every write ends where a record ends. The spool remembers such places about every MiB, so
    that it can be cut into parts without understanding the records.

    Args:
        folder: where the file is; it needs room for the records of one window, uncompressed.
    """

    def __init__(self, folder: Path) -> None:
        with _reported(folder):
            # One name fewer to clean up: the file is unlinked as soon as it is open.
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed in __exit__
        self._folder = folder
        self._size = 0
        self._marks = [0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Add whole records at the end.

        Raises:
            DestinationError: the folder is full.
        """
        rest = memoryview(data)
        with _reported(self._folder):
            while rest:
                written = os.pwrite(self._file.fileno(), rest, self._size)
                rest = rest[written:]
                self._size += written
        if self._size - self._marks[-1] >= _BLOCK:
            self._marks.append(self._size)
        return len(data)

    def tell(self) -> int:
        """Bytes that are in the spool."""
        return self._size

    def truncate(self, size: int, /) -> int:
        """Forget what is behind ``size``, which must be the end of a record."""
        with _reported(self._folder):
            self._file.truncate(size)
        self._size = size
        del self._marks[bisect_right(self._marks, size) :]
        return size

    def cuts(self, size: int) -> list[tuple[int, int]]:
        """Cut the spool into ranges of about ``size`` bytes that begin and end with a record.

        The same records, written alike, are always cut alike.
        """
        ranges = []
        start = 0
        while start < self._size:
            if self._size - start <= size:
                end = self._size
            else:
                at = bisect_right(self._marks, start + size) - 1
                end = self._marks[at]
                if end <= start:  # one write was longer than a part
                    end = self._marks[at + 1] if at + 1 < len(self._marks) else self._size
            ranges.append((start, end))
            start = end
        return ranges

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of a range, in blocks of at most 1 MiB."""
        with _reported(self._folder):
            while start < end:
                block = os.pread(self._file.fileno(), min(_BLOCK, end - start), start)
                if not block:
                    raise DestinationError("SpoolFailed", "the spool is shorter than was written")
                start += len(block)
                yield block


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DestinationError(
                "SpoolFull",
                f"the spool folder {folder} is full: give it room for one window, uncompressed, "
                "or make maxWindow shorter",
            ) from error
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EROFS}:
            raise ConfigurationError(
                "SpoolUnusable",
                f"the spool folder {folder} cannot be written ({error.strerror}): name a folder "
                "that exists and is writable",
            ) from error
        raise DestinationError("SpoolFailed", f"the spool failed: {error.strerror}") from error
