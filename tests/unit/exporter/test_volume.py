"""The volume, and the storage that other tests use instead, keep the same promises."""

import errno
import os
from pathlib import Path

import pytest

from support.contract import DestinationContract, paths
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


class TestContract(DestinationContract):
    pass


def test_probe_accepts_a_posix_folder_and_leaves_nothing(root):
    Volume(root).probe()
    assert paths(Volume(root)) == []


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
    assert paths(volume) == ["first"]


def test_a_link_whose_answer_was_lost_is_a_success(root, monkeypatch):
    link = os.link

    def lose(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "exists", source, None, target)

    monkeypatch.setattr(os, "link", lose)
    assert Volume(root).create("entry", b"mine") is True


@pytest.fixture
def trace(root, monkeypatch):
    """What is synced and linked, in order."""
    trace = []
    fsync, link = os.fsync, os.link

    def traced_fsync(descriptor):
        trace.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(root)}")
        fsync(descriptor)

    def traced_link(source, target):
        trace.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "link", traced_link)
    return trace


def test_everything_is_synced_before_and_after_it_appears(root, trace):
    volume = Volume(root)
    volume.create("day=1/part", b"x")
    assert trace[:2] == ["sync .", "sync _synclog"]
    assert trace[2].startswith(f"sync {DRAFTS}/")
    assert trace[3:] == ["sync .", "link", "sync day=1"]
    trace.clear()
    volume.create("day=1/another", b"x")
    assert trace[0].startswith(f"sync {DRAFTS}/")
    assert trace[1:] == ["link", "sync day=1"]


def test_what_somebody_made_and_did_not_live_to_sync_is_synced(root, trace):
    (root / DRAFTS).mkdir(parents=True)
    (root / "day=1").mkdir()
    (root / "day=1/part").write_bytes(b"x")
    assert Volume(root).create("day=1/part", b"x") is False
    assert [each for each in trace if DRAFTS not in each] == [
        "sync .",
        "sync _synclog",
        "sync .",
        "link",
        "sync day=1",
    ]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_told_and_not_waited_for(root, make):
    make(root / "odd")
    volume = Volume(root)
    for act in (volume.read, volume.size, lambda path: list(volume.blocks(path))):
        with pytest.raises(IntegrityError, match="odd is no file"):
            act("odd")


def test_links_that_lead_nowhere_are_listed_and_lost_and_found_is_not(root):
    (root / "itself").symlink_to("itself")
    (root / "dangling").symlink_to("nothing")
    (root / "lost+found").mkdir()
    (root / "lost+found/inode").touch()
    assert paths(Volume(root)) == ["dangling", "itself"]


def test_a_folder_whose_name_is_no_text_can_be_told(tmp_path):
    volume = Volume(tmp_path / "a\udcff")
    assert str(volume) == f"{tmp_path}/a\\xff"
    with pytest.raises(ConfigurationError) as caught:
        volume.probe()
    assert caught.value.message.encode().startswith(str(volume).encode())
