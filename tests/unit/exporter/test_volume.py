"""The volume, and the storage that other tests use instead, keep the same promises."""

import errno
import os
from pathlib import Path

import pytest

from synclog.exporter.destination import Volume
from synclog.exporter.destination.volume import DRAFTS
from synclog.exporter.errors import ConfigurationError, DestinationError, IntegrityError


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture(params=["volume", "memory"])
def destination(request, root, memory):
    return Volume(root) if request.param == "volume" else memory()


def names(destination):
    return [file.path for file in destination.files()]


def test_creates_once_and_never_replaces(destination):
    assert destination.create("a/b.json", b"one") is True
    assert destination.create("a/b.json", b"two") is False
    assert destination.read("a/b.json") == b"one"
    assert destination.size("a/b.json") == 3


def test_nothing_is_visible_before_it_is_published(destination):
    with destination.draft() as draft:
        draft.write(b"half")
        assert destination.read("part") is None
        draft.write(b" and half")
        assert draft.publish("part") is True
    assert b"".join(destination.blocks("part")) == b"half and half"
    assert names(destination) == ["part"]


def test_what_is_not_published_vanishes(destination):
    def fail():
        with destination.draft() as draft:
            draft.write(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(destination) == []


def test_absent_files(destination):
    assert destination.read("no") is None
    assert destination.size("no") is None
    with pytest.raises(DestinationError):
        list(destination.blocks("no"))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a//b", "", ".x", "a\nb", "-x"]
)
def test_paths_stay_inside(destination, path):
    with pytest.raises(IntegrityError, match="no path inside a destination"):
        destination.read(path)
    with pytest.raises(IntegrityError):
        destination.create(path, b"")


def test_probe_accepts_a_posix_folder_and_leaves_nothing(root):
    Volume(root).probe()
    assert names(Volume(root)) == []


def test_probe_refuses_a_file_system_that_replaces(root, monkeypatch):
    monkeypatch.setattr(os, "link", os.replace)
    with pytest.raises(ConfigurationError) as caught:
        Volume(root).probe()
    assert caught.value.reason == "CreateOnlyUnsupported"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_probe_refuses_a_file_system_without_links(root, monkeypatch, number):
    def refuse(source, target):
        raise OSError(number, os.strerror(number), source, None, target)

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(ConfigurationError) as caught:
        Volume(root).probe()
    assert caught.value.reason == "CreateOnlyUnsupported"


def test_probe_wants_the_folder_to_exist(root):
    with pytest.raises(ConfigurationError, match="mount the volume or create it"):
        Volume(root / "typo").probe()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "DestinationFull"),
        (errno.EDQUOT, "DestinationFull"),
        (errno.EROFS, "DestinationReadOnly"),
        (errno.EACCES, "DestinationDenied"),
        (errno.ESTALE, "DestinationStale"),
        (errno.EIO, "DestinationFailed"),
        (errno.ELOOP, "DestinationFailed"),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "link", "open"])
def test_errors_of_the_system_are_named(root, monkeypatch, number, reason, call):
    volume = Volume(root)
    volume.create("first", b"")

    def fail(*_args, **_more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(DestinationError) as caught:
        volume.create("second", b"x")
    assert caught.value.reason == reason
    monkeypatch.undo()
    assert names(volume) == ["first"]


def test_a_link_whose_answer_was_lost_is_a_success(root, monkeypatch):
    link = os.link

    def lose(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "exists", source, None, target)

    monkeypatch.setattr(os, "link", lose)
    assert Volume(root).create("entry", b"mine") is True


def test_everything_is_synced_before_and_after_it_appears(root, monkeypatch):
    trace = []
    fsync, link = os.fsync, os.link

    def traced_fsync(descriptor):
        trace.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(root)}")
        fsync(descriptor)

    def traced_link(source, target):
        trace.append("link")
        link(source, target)

    (root / DRAFTS).mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "link", traced_link)
    Volume(root).create("day=1/part", b"x")
    assert trace[0].startswith(f"sync {DRAFTS}/")
    assert trace[1:] == ["sync .", "link", "sync day=1"]
