"""What a source shows now, against what an archive has: multisets of records, bounded memory.

Records are compared by what they say, not by how they are written: the canonical form of a
record is its fields, sorted by name, as JSON; a field that is null counts as absent,
and the time counts by its instant. So another order of columns, another quoting or another
offset is no difference; another set of columns is one.

What is finer than a millisecond tells records apart only where it is the same on both sides:
records are matched with all their digits first, and what is left is matched without. So a source
that changes how finely it shows times doubles nothing.
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
from synclog.exporter.source.timestamps import finer
from synclog.windows import Instant

Key: TypeAlias = bytes
"""Stands for the canonical form of a record; then the digits of its time below the millisecond."""

_FORM_BYTES = 16
_FINER_BYTES = 6
_KEY_BYTES = _FORM_BYTES + _FINER_BYTES
_PARTITION = 100_000
"""Records of which the keys are held in memory at a time."""
_PARTITIONS = 128


class Served(NamedTuple):
    """A record that the source shows now."""

    key: Key
    instant: Instant
    record: bytes
    """As it was served, without line end."""


def key_of(event: Event) -> Key:
    """BLAKE2b, 128 bits, of the canonical form of a record, and six digits."""
    present = {name: value for name, value in event.fields.items() if value is not None}
    digits = finer(str(present[event.time_column])).ljust(_FINER_BYTES, "0")
    present[event.time_column] = event.instant
    form = msgspec.json.encode(present, order="deterministic")
    return blake2b(form, digest_size=_FORM_BYTES).digest() + digits.encode()


@dataclass(slots=True)
class Vanished:
    """Records that the archive has and the source does not show."""

    count: int = 0
    digest: int = 0
    """Sum of the digests of their forms, modulo 2**128."""

    def add(self, rest: Counter[bytes]) -> None:
        """Add what was not found, by its form."""
        for form, times in rest.items():
            self.count += times
            self.digest = combine(self.digest, int.from_bytes(form, "big") * times)

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
    archived: Counter[Key], served: Iterable[Served], vanished: Vanished
) -> Iterator[Served]:
    left: Counter[bytes] = Counter()
    """How many of a form have no match yet."""
    for key, times in archived.items():
        left[key[:_FORM_BYTES]] += times
    doubtful: list[Served] = []
    for each in served:
        form = each.key[:_FORM_BYTES]
        if archived[each.key] > 0:
            archived[each.key] -= 1
            left[form] -= 1
        elif left[form] > 0:
            doubtful.append(each)
        else:
            yield each
    for each in doubtful:
        form = each.key[:_FORM_BYTES]
        if left[form] > 0:
            left[form] -= 1
        else:
            yield each
    vanished.add(+left)


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
