"""Every destination keeps the same promises; the rest of the exporter does not know which it is."""

import threading

import pytest

from synclog.exporter.destination import PROBE
from synclog.exporter.errors import DestinationError, IntegrityError


def paths(destination):
    """What is there, but for what a probe leaves."""
    return [file.path for file in destination.files() if file.path != PROBE]


def raced(opened, writers=6):
    """Let several create one entry at once; returns what those wrote who were told they did."""
    start = threading.Barrier(writers)
    created = []

    def write(mine):
        destination = opened()
        start.wait()
        if destination.create("entry", mine):
            created.append(mine)

    threads = [threading.Thread(target=write, args=(b"%d" % n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return created


class DestinationContract:
    """Tests of a fixture ``destination`` that is empty at first."""

    def test_creates_once_and_never_replaces(self, destination):
        assert destination.create("a=1/_b.json", b"one") is True
        assert destination.create("a=1/_b.json", b"two") is False
        assert destination.read("a=1/_b.json") == b"one"
        assert destination.size("a=1/_b.json") == 3

    def test_nothing_is_visible_before_it_is_published(self, destination):
        with destination.draft() as draft:
            draft.write(b"half")
            assert destination.size("part.csv.gz") is None
            draft.write(memoryview(b" and half"))
            assert draft.publish("part.csv.gz") is True
        assert b"".join(destination.blocks("part.csv.gz")) == b"half and half"
        assert paths(destination) == ["part.csv.gz"]

    def test_what_is_not_published_vanishes(self, destination):
        def fail():
            with destination.draft() as draft:
                draft.write(b"x")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert paths(destination) == []

    def test_a_part_that_exists_is_left_alone(self, destination):
        destination.create("part", b"first")
        with destination.draft() as draft:
            draft.write(b"second")
            assert draft.publish("part") is False
        assert destination.read("part") == b"first"

    def test_absent_files(self, destination):
        assert destination.read("no") is None
        assert destination.size("no") is None
        with pytest.raises(DestinationError):
            list(destination.blocks("no"))
        assert paths(destination) == []

    def test_empty_files_exist(self, destination):
        assert destination.create("empty", b"") is True
        assert destination.read("empty") == b""
        assert destination.size("empty") == 0
        assert b"".join(destination.blocks("empty")) == b""

    def test_large_files_come_in_blocks(self, destination):
        data = bytes(range(256)) * 12_000
        with destination.draft() as draft:
            for start in range(0, len(data), 700_000):
                draft.write(data[start : start + 700_000])
            draft.publish("large")
        blocks = list(destination.blocks("large"))
        assert b"".join(blocks) == data
        assert max(map(len, blocks)) <= 1 << 20

    def test_lists_everything_with_sizes(self, destination):
        names = ["_synclog/ledger/0.json", "year=2026/month=01/b.csv", "year=2026/month=02/a.csv"]
        for index, name in enumerate(names):
            destination.create(name, b"x" * index)
        listed = sorted(destination.files())
        assert [(file.path, file.size) for file in listed] == [
            (name, index) for index, name in enumerate(names)
        ]

    @pytest.mark.parametrize(
        "path", ["/etc/passwd", "../x", "a/../../x", "a//b", "", ".x", "-x", "a\nb", "a?b"]
    )
    def test_paths_stay_inside(self, destination, path):
        for act in (destination.read, destination.size, lambda p: list(destination.blocks(p))):
            with pytest.raises(IntegrityError, match="no path inside a destination"):
                act(path)
        with pytest.raises(IntegrityError):
            destination.create(path, b"")
