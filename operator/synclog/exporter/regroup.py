"""Cutting a stream anew, so that what is made of it does not depend on how it came."""

from collections.abc import Iterable, Iterator


def regrouped(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks of exactly this size; the last one may be shorter.

    Every byte is copied at most once.
    """
    waiting: list[bytes | memoryview] = []
    room = size
    for block in blocks:
        if room == size == len(block):
            yield block
            continue
        rest = memoryview(block)
        while len(rest) >= room:
            waiting.append(rest[:room])
            yield b"".join(waiting)
            rest, waiting, room = rest[room:], [], size
        if rest:
            waiting.append(rest)
            room -= len(rest)
    if waiting:
        yield b"".join(waiting)
