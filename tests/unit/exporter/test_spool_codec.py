import gzip
import hashlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.api.output import Compression
from synclog.exporter.codec import Digest, compressed, decompressed
from synclog.exporter.errors import ConfigurationError, DestinationError, IntegrityError
from synclog.exporter.spool import RecordSpool

MIB = 1 << 20


def test_a_spool_gives_back_what_it_got_and_leaves_no_file(tmp_path):
    with RecordSpool(tmp_path) as spool:
        spool.write(b"one\n")
        spool.write(b"two\n")
        spool.truncate(4)
        spool.write(b"three\n")
        assert spool.tell() == 10
        assert b"".join(spool.blocks(0, 10)) == b"one\nthree\n"
        assert list(tmp_path.iterdir()) == []


@given(
    sizes=st.lists(st.integers(1, 3 * MIB // 2), min_size=1, max_size=6),
    size=st.integers(1, 4 * MIB),
)
def test_cuts_join_up_and_begin_at_writes(tmp_path_factory, sizes, size):
    with RecordSpool(tmp_path_factory.getbasetemp()) as spool:
        ends = {0}
        for number, length in enumerate(sizes):
            spool.write(bytes([65 + number]) * length)
            ends.add(spool.tell())
        cuts = spool.cuts(size)
        assert [start for start, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
        assert cuts[-1][1] == spool.tell()
        assert {end for _, end in cuts} <= ends
        for start, end in cuts:
            # The limit, or one remembered distance and one write where a cut was not to be had.
            assert end - start <= max(size, MIB + max(sizes))


def test_an_empty_spool_has_no_parts(tmp_path):
    with RecordSpool(tmp_path) as spool:
        assert spool.cuts(100) == []


def test_a_truncated_mark_is_forgotten(tmp_path):
    with RecordSpool(tmp_path) as spool:
        spool.write(b"a" * MIB)
        spool.write(b"b" * MIB)
        spool.truncate(MIB)
        spool.write(b"c" * (2 * MIB))
        assert spool.cuts(MIB) == [(0, MIB), (MIB, 3 * MIB)]


def test_a_full_spool_says_what_to_do():
    with pytest.raises(DestinationError) as caught, _full() as spool:
        spool.write(b"x" * (2 * MIB))
    assert caught.value.reason == "SpoolFull"
    assert "maxWindow" in caught.value.message


def _full():
    spool = RecordSpool.__new__(RecordSpool)
    spool._file = Path("/dev/full").open("wb")  # noqa: SIM115 - closed by the spool
    spool._folder = "spool"
    spool._size, spool._marks = 0, [0]
    return spool


def test_a_spool_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="name a folder that exists"):
        RecordSpool(tmp_path / "typo")


@given(
    data=st.binary(max_size=5000),
    cuts=st.lists(st.integers(0, 5000), max_size=5),
    compression=st.sampled_from(Compression),
)
def test_there_and_back_whatever_the_blocks(data, cuts, compression):
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    blocks = [data[a:b] for a, b in itertools.pairwise(edges)]
    stored = b"".join(compressed(blocks, compression))
    assert stored == b"".join(compressed([data], compression))
    assert b"".join(decompressed([stored], compression)) == data
    halves = [stored[: len(stored) // 2], stored[len(stored) // 2 :]]
    assert b"".join(decompressed(halves, compression)) == data


def test_large_input_compresses_alike_however_it_comes():
    data = b"".join(b"%d,some text,%d\n" % (n, n * 7919 % 1000) for n in range(150_000))
    assert len(data) > 2 * MIB
    whole = b"".join(compressed([data], Compression.GZIP))
    bites = [data[at : at + 70_001] for at in range(0, len(data), 70_001)]
    assert b"".join(compressed(bites, Compression.GZIP)) == whole
    assert gzip.decompress(whole) == data


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: data[:-1], "ends too early"),
        (lambda data: data[:20], "ends too early"),
        (lambda _: b"", "ends too early"),
        (lambda data: data + b"x", "follows the end"),
        (lambda data: data + data, "follows the end"),
        (lambda data: b"x" + data, "damaged"),
    ],
)
@pytest.mark.parametrize("bite", [1, 7, 1 << 20])
@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_damaged_data_is_noticed(spoil, why, bite, compression):
    data = spoil(b"".join(compressed([b"some records, all alike\n" * 100], compression)))
    blocks = [data[at : at + bite] for at in range(0, len(data), bite)]
    with pytest.raises(IntegrityError, match=why):
        list(decompressed(blocks, compression))


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_a_changed_byte_is_noticed_wherever_it_matters(compression):
    plain = b"".join(b"record %d\n" % (n * n) for n in range(50))
    data = b"".join(compressed([plain], compression))
    unnoticed = []
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        try:
            assert b"".join(decompressed([changed], compression)) == plain
        except IntegrityError:
            continue
        unnoticed.append(at)
    # Only what the header of gzip says in passing: flags, time, system.
    assert set(unnoticed) <= set(range(10))


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_data_that_was_made_to_burst_memory_comes_in_bites(compression):
    bomb = b"".join(compressed([bytes(64 * MIB)], compression))
    assert len(bomb) < MIB
    sizes = [len(block) for block in decompressed([bomb], compression)]
    assert sum(sizes) == 64 * MIB
    assert max(sizes) <= 32 * MIB


def test_digest_sees_what_passes():
    digest = Digest()
    assert list(digest.of([b"a", b"bc"])) == [b"a", b"bc"]
    assert (digest.size, digest.hexdigest()) == (3, hashlib.sha256(b"abc").hexdigest())
