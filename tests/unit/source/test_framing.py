"""How a body's end is known, and bodies that come encoded."""

import gzip

import pytest

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.framing import CutShortError, Framing, decode, framing_of

PLAIN = b"time,a\n2026-01-31T10:00:01.000Z,x\n" * 20
MEMBER = gzip.compress(PLAIN, mtime=0)  # the same bytes in every process: they name tests


@pytest.mark.parametrize(
    ("headers", "framing", "tells"),
    [
        ({"content-length": "3"}, Framing.LENGTH, True),
        ({"transfer-encoding": "chunked"}, Framing.CHUNKED, True),
        ({"transfer-encoding": "Chunked", "content-length": "3"}, Framing.CHUNKED, True),
        ({"connection": "close"}, Framing.CLOSE, False),
    ],
)
def test_framing(headers: dict[str, str], framing: Framing, *, tells: bool) -> None:
    assert framing_of(headers) is framing
    assert framing.tells_the_end is tells


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_all_members_are_read(size: int, members: int) -> None:
    assert b"".join(decode(pieces(MEMBER * members, size), "gzip")) == PLAIN * members


@pytest.mark.parametrize("before", [b"", MEMBER])
def test_a_cut_at_any_byte_of_a_member_is_noticed(before: bytes) -> None:
    for cut in range(1, len(MEMBER)):
        with pytest.raises(CutShortError):
            list(decode([before + MEMBER[:cut]], "gzip"))


def test_bytes_after_a_member_are_refused() -> None:
    with pytest.raises(AnswerError, match="after its gzip member"):
        list(decode([MEMBER + b"more"], "gzip"))


def test_damage_is_refused() -> None:
    damaged = bytearray(MEMBER)
    damaged[-6] ^= 1  # in the checksum
    with pytest.raises(AnswerError, match="no valid gzip"):
        list(decode([bytes(damaged)], "gzip"))


def test_output_comes_in_bounded_blocks() -> None:
    huge = gzip.compress(bytes(3_000_000))
    blocks = list(decode([huge], "gzip"))
    assert sum(map(len, blocks)) == 3_000_000
    assert max(map(len, blocks)) <= 256 * 1024


def test_other_encodings_are_refused() -> None:
    with pytest.raises(AnswerError, match="'br'"):
        list(decode([b"x"], "br"))
    assert list(decode([b"x"], "identity")) == [b"x"]
