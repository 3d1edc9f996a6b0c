"""Parts of one window go their way side by side; what they come to does not tell."""

import threading

import pytest

from synclog.api.output import Compression, Output
from synclog.api.source import SourceFormat
from synclog.exporter.errors import DestinationError, Interrupted
from synclog.exporter.parts import write_parts
from synclog.exporter.spool import RecordSpool
from synclog.windows import DAY, Window

MIB = 1 << 20
HEADER = b"time,user\n"
PATIENCE = 20


def go_on():
    """Nobody wants to stop."""


@pytest.fixture
def spool(tmp_path):
    with RecordSpool(tmp_path) as spool:
        for number in range(4):
            spool.write(b"%d" % number * (MIB - 1) + b"\n")
        yield spool


def write(destination, spool, check=go_on):
    return write_parts(
        destination,
        spool,
        window=Window(0, DAY),
        header=HEADER,
        source_format=SourceFormat.CSV,
        output=Output(compression=Compression.NONE),
        check=check,
    )


def test_side_by_side_is_the_same_as_one_after_another(memory, spool):
    """The first part is published last, and still is the first."""
    alone, together = memory(MIB), memory(MIB, room=5 * MIB)
    last = threading.Event()
    reversed_ = []

    def step(what):
        moment, _, path = what.partition(" ")
        if moment == "before" and "_000_" in path:
            assert last.wait(PATIENCE)
        if moment == "after":
            reversed_.append(path)
            if "_003_" in path:
                last.set()

    together.step = step
    parts = write(together, spool)
    assert parts == write(alone, spool)
    assert together.content == alone.content
    assert [part.path for part in parts] == sorted(alone.content)
    assert reversed_[-1] == parts[0].path


def test_an_error_ends_it_and_who_repeats_it_finds_what_is_there(memory, spool):
    destination = memory(MIB, room=2 * MIB + 100)

    def fail(what):
        if what.startswith("before") and "_001_" in what:
            raise DestinationError("DestinationFull", "no room")

    destination.step = fail
    with pytest.raises(DestinationError, match="no room"):
        write(destination, spool)
    left = dict(destination.content)
    assert not any("_001_" in path or "_003_" in path for path in left)
    destination.step = lambda _what: None
    assert left.items() <= destination.content.items()
    parts = write(destination, spool)
    assert sorted(destination.content) == [part.path for part in parts]


def test_who_is_told_to_stop_begins_no_further_part(memory, spool):
    destination = memory(MIB, room=2 * MIB + 100)
    stop = threading.Event()

    def check():
        if stop.is_set():
            raise Interrupted("Interrupted", "told to stop")

    def step(what):
        if what.startswith("before"):
            stop.set()

    destination.step = step
    with pytest.raises(Interrupted):
        write(destination, spool, check)
    assert len(destination.content) < 4
    assert all(len(data) == MIB + len(HEADER) for data in destination.content.values())
