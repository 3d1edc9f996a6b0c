"""The journal: one JSON line per change, so that the server can be killed and started again."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec


class Record(msgspec.Struct, array_like=True):
    """One line: what an object became at a revision; no object: it was deleted."""

    revision: int
    key: tuple[str, str, str]
    object: dict[str, Any] | None


class Journal:
    """An append-only file. Each line is one write call, so a kill cuts off at most the last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def read(self) -> Iterator[Record]:
        """The lines of earlier runs; a last line that was cut off is ignored."""
        if not self._path.exists():
            return
        decoder = msgspec.json.Decoder(Record)
        with self._path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield decoder.decode(line)

    def rewrite(self, revision: int, objects: Iterable[tuple[tuple[str, str, str], Any]]) -> None:
        """Replace the file by the state that its lines amount to, and open it for appending."""
        fresh = self._path.with_suffix(".new")
        encoder = msgspec.json.Encoder()
        with fresh.open("wb") as file:
            for key, obj in objects:
                own = int(obj["metadata"]["resourceVersion"])
                file.write(encoder.encode(Record(own, key, obj)) + b"\n")
            # The counter must go on where it stood, also when the newest object was deleted.
            file.write(encoder.encode(Record(revision, ("", "", ""), None)) + b"\n")
        fresh.replace(self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)

    def append(self, revision: int, key: tuple[str, str, str], obj: dict[str, Any] | None) -> None:
        """Write one change."""
        assert self._file is not None, "rewrite() opens the journal"
        os.write(self._file, msgspec.json.encode(Record(revision, key, obj)) + b"\n")

    def close(self) -> None:
        """End writing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
