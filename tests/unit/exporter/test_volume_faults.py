"""Whatever a volume does at any step: nothing half is visible, and the next run completes it."""

import errno
import os
import shutil

import pytest

from synclog.api.run import ExitCode
from synclog.exporter import pipeline
from synclog.exporter.destination import Volume
from synclog.exporter.destination.volume import DRAFTS
from synclog.exporter.errors import DestinationError
from synclog.exporter.verify import Verdict, verify

CALLS = ("open", "write", "fsync", "link", "unlink", "mkdir")
EVENTS = 24


class Calls:
    """Counts the calls that change the volume, and does something from one of them on."""

    def __init__(self, monkeypatch, spool, at=None, do=lambda: None):
        self.count = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._guarded(getattr(os, name), spool, at, do))

    def _guarded(self, call, spool, at, do):
        def guarded(*args, **more):
            if str(args[0]).startswith(str(spool)):
                return call(*args, **more)
            self.count += 1
            if at is not None and self.count >= at:
                do()
            return call(*args, **more)

        return guarded


@pytest.fixture
def steps(bench, tmp_path, monkeypatch):
    """How many calls a run makes."""
    bench.fill([(hour / 4, f"e{hour}") for hour in range(EVENTS)])
    (tmp_path / "count").mkdir()
    with monkeypatch.context() as patch:
        calls = Calls(patch, bench.spool)
        run = pipeline.run(bench.spec(bench.hours(0, 6)), bench.site(Volume(tmp_path / "count")))
    assert run.exit_code == 0
    assert calls.count > 20
    return calls.count


def failed_cleanly(bench, volume, result):
    """What is there after a run that failed, or that never noticed, and after the next one."""
    assert result.exit_code in {ExitCode.OK, ExitCode.DESTINATION}
    report = verify(volume, clock=lambda: 0)
    assert [found for found in report.findings if found.reason != "LedgerMissing"] == []
    again = pipeline.run(bench.spec(bench.hours(0, 6)), bench.site(volume))
    assert again.reason in {"Exported", "AlreadyCovered"}
    report = verify(volume, clock=lambda: 0)
    assert (report.verdict, report.events_checked) == (Verdict.COMPLETE, EVENTS)
    assert all(path.startswith(DRAFTS) for path in report.litter)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "DestinationFull"),
        (errno.EROFS, "DestinationReadOnly"),
        (errno.ESTALE, "DestinationStale"),
    ],
)
def test_a_volume_that_takes_nothing_from_some_step_on(
    bench, steps, tmp_path, monkeypatch, number, reason
):
    def refuse():
        raise OSError(number, os.strerror(number))

    told = set()
    for at in range(1, steps + 1):
        (tmp_path / f"{at}").mkdir()
        volume = Volume(tmp_path / f"{at}")
        with monkeypatch.context() as patch:
            Calls(patch, bench.spool, at, refuse)
            result = pipeline.run(bench.spec(bench.hours(0, 6)), bench.site(volume))
        told.add(result.reason)
        failed_cleanly(bench, volume, result)
    assert told <= {reason, "Exported"}
    assert reason in told


@pytest.mark.parametrize("left", ["nothing", "the folder that it was mounted on"])
def test_a_volume_that_disappears_at_some_step_and_comes_back(
    bench, steps, tmp_path, monkeypatch, left
):
    """No file is written in its place: that would not be on the volume."""
    told = set()
    for at in range(1, steps + 1):
        root, gone = tmp_path / f"{at}", tmp_path / f"{at}-gone"
        root.mkdir()

        def vanish(root=root, gone=gone):
            if gone.exists():
                return
            root.rename(gone)
            if left != "nothing":
                root.mkdir()

        with monkeypatch.context() as patch:
            Calls(patch, bench.spool, at, vanish)
            result = pipeline.run(bench.spec(bench.hours(0, 6)), bench.site(Volume(root)))
        if left != "nothing":
            assert [path for path in root.rglob("*") if path.is_file()] == []
            shutil.rmtree(root)
        assert not root.exists()
        told.add(result.reason)
        gone.rename(root)
        failed_cleanly(bench, Volume(root), result)
    assert "DestinationGone" in told


def test_the_folder_itself_is_never_made(tmp_path):
    with pytest.raises(DestinationError, match="mount the volume again"):
        Volume(tmp_path / "gone").create("entry", b"x")
    assert list(tmp_path.iterdir()) == []
