"""What a source shows now, against what an archive has: multisets of records, bounded memory.

Records are compared by what they say, not by how they are written: the canonical form of a
record is its fields, sorted by name, as JSON; a field that is null counts as absent,
and the time counts by its instant. So another order of columns, another quoting or another
offset is no difference; another set of columns is one. A record in normal form is its own
canonical form.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from synclog.exporter.records import Event
from synclog.exporter.source.digest import combine, to_hex
from synclog.windows import Instant

Key: TypeAlias = bytes
"""Stands for the canonical form of a record."""

_KEY_BYTES = 16
_PARTITION = 200_000
"""Records of which the keys are held in memory at a time."""
_PARTITIONS = 128


class Served(NamedTuple):
    """A record that the source shows now."""

    key: Key
    instant: Instant
    record: bytes
    """As it was served, without line end."""


def key_of(event: Event) -> Key:
    """BLAKE2b, 128 bits, of the canonical form of a record."""
    present = {name: value for name, value in event.fields.items() if value is not None}
    present[event.time_column] = event.instant
    return _key(msgspec.json.encode(present, order="deterministic"))


def key_of_line(event: Event) -> Key:
    """BLAKE2b, 128 bits, of a record in normal form."""
    return _key(event.record)


def _key(form: bytes) -> Key:
    return blake2b(form, digest_size=_KEY_BYTES).digest()


@dataclass(slots=True)
class Vanished:
    """Records that the archive has and the source does not show."""

    count: int = 0
    digest: int = 0
    """Sum of their keys, modulo 2**128."""

    def add(self, rest: Counter[Key]) -> None:
        """Add what was not found."""
        for key, times in rest.items():
            self.count += times
            self.digest = combine(self.digest, int.from_bytes(key, "big") * times)

    def hexdigest(self) -> str:
        """The digest as it is written down; empty where nothing vanished."""
        return to_hex(self.digest) if self.count else ""


def late(
    archived: Iterable[Key],
    served: Iterable[Served],
    vanished: Vanished,
    *,
    expected: int,
    folder: Path,
) -> Iterator[Served]:
    """The records that are served more often than archived, as often as they are more.

    Args:
        archived: keys of the archive's records.
        served: what the source shows now.
        vanished: gets what is archived more often than served, once all is taken.
        expected: about how many records there are; many are compared in partitions.
        folder: room for partitions that wait.
    """
    count = min(expected // _PARTITION + 1, _PARTITIONS)
    if count == 1:
        yield from _difference(Counter(archived), served, vanished)
        return
    with ExitStack() as files:
        partitions = [_Partition(folder, files) for _ in range(count)]
        for key in archived:
            partitions[key[0] * count >> 8].keys.write(key)
        for each in served:
            partitions[each.key[0] * count >> 8].keep(each)
        for partition in partitions:
            yield from _difference(partition.counted(), partition.kept(), vanished)


def _difference(
    counted: Counter[Key], served: Iterable[Served], vanished: Vanished
) -> Iterator[Served]:
    for each in served:
        if counted[each.key] > 0:
            counted[each.key] -= 1
        else:
            yield each
    vanished.add(+counted)


class _Partition:
    """The records whose keys fall into one share of all keys, in two nameless files."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        self.keys, self._served = (
            files.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - it does
            for _ in range(2)
        )

    def keep(self, each: Served) -> None:
        instant, size = each.instant.to_bytes(8, "big", signed=True), len(each.record)
        self._served.write(each.key + instant + size.to_bytes(4, "big"))
        self._served.write(each.record)

    def counted(self) -> Counter[Key]:
        self.keys.seek(0)
        return Counter(iter(lambda: self.keys.read(_KEY_BYTES), b""))

    def kept(self) -> Iterator[Served]:
        self._served.seek(0)
        while head := self._served.read(_KEY_BYTES + 12):
            key, instant, size = head[:_KEY_BYTES], head[_KEY_BYTES:-4], head[-4:]
            yield Served(
                key,
                int.from_bytes(instant, "big", signed=True),
                self._served.read(int.from_bytes(size, "big")),
            )
