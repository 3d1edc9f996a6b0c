"""Volumes as folders, processes and their traces, logs."""

import asyncio
import os
import signal
import sys

import pytest

from devcluster.podrunner.errors import MountError, RunError
from devcluster.podrunner.process import LOST, Attempt, attempts_of, termination_message
from devcluster.podrunner.server import tail_offset
from devcluster.podrunner.volumes import folder_size, mounts_of, prepare_volumes, size_limits


class Shelf:
    """One Secret, one ConfigMap, and tokens."""

    async def secret(self, name):
        return {"user": b"ann", "password": b"p"} if name == "login" else None

    async def config_map(self, name):
        return {"colour": b"red"} if name == "settings" else None

    async def token(self, account, audience, seconds):
        return f"{account} {audience} {seconds}"


def make_pod(*volumes):
    return {
        "metadata": {"name": "pod", "namespace": "ns", "uid": "uid"},
        "spec": {"volumes": list(volumes), "containers": [{"name": "main"}]},
    }


@pytest.fixture
def prepare(tmp_path):
    async def prepare(*volumes):
        return await prepare_volumes(make_pod(*volumes), Shelf(), tmp_path / "pod", tmp_path)

    return prepare


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize(
    ("volume", "files"),
    [
        ({"secret": {"secretName": "login"}}, {"user": "ann", "password": "p"}),
        (
            {"secret": {"secretName": "login", "items": [{"key": "user", "path": "a/b"}]}},
            {"a/b": "ann"},
        ),
        ({"secret": {"secretName": "none", "optional": True}}, {}),
        ({"configMap": {"name": "settings"}}, {"colour": "red"}),
        (
            {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {"n": "pod"},
        ),
        (
            {
                "projected": {
                    "sources": [
                        {"configMap": {"name": "settings"}},
                        {"serviceAccountToken": {"path": "token", "audience": "api"}},
                    ]
                }
            },
            {"colour": "red", "token": "default api 3600"},
        ),
        ({"emptyDir": {}}, {}),
        ({}, {}),
    ],
)
async def test_what_volumes_contain(prepare, volume, files):
    folders = await prepare({"name": "v", **volume})
    assert contents(folders["v"]) == files
    assert contents((await prepare({"name": "v", **volume}))["v"]) == files  # again is harmless


async def test_modes(prepare):
    items = [{"key": "user", "path": "u", "mode": 0o400}, {"key": "password", "path": "p"}]
    secret = {"secretName": "login", "defaultMode": 0o440, "items": items}
    folder = (await prepare({"name": "v", "secret": secret}))["v"]
    assert [(folder / name).stat().st_mode & 0o777 for name in "up"] == [0o400, 0o440]


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (
            {"secret": {"secretName": "none"}},
            'MountVolume.SetUp failed for volume "v" : secret "none" not found',
        ),
        (
            {"configMap": {"name": "settings", "items": [{"key": "x", "path": "x"}]}},
            'MountVolume.SetUp failed for volume "v" : references non-existent configmap key: x',
        ),
        ({"nfs": {}}, 'volume "v" is of a kind that this node does not have'),
    ],
)
async def test_volumes_that_cannot_be_prepared(prepare, volume, message):
    with pytest.raises(MountError) as caught:
        await prepare({"name": "v", **volume})
    assert str(caught.value) == message


async def test_a_claim_is_a_folder_that_stays(prepare, tmp_path):
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    folder = (await prepare(claim))["v"]
    assert folder == tmp_path / "volumes" / "ns" / "data"
    (folder / "kept").write_text("yes")
    assert contents((await prepare(claim))["v"]) == {"kept": "yes"}


def test_mounts(tmp_path):
    container = {
        "volumeMounts": [
            {"name": "v", "mountPath": "/all"},
            {"name": "v", "mountPath": "/sub", "subPath": "a/b"},
            {"name": "v", "mountPath": "/expr", "subPathExpr": "$(NAME)"},
        ]
    }
    mounts = mounts_of(container, {"v": tmp_path}, {"NAME": "me"})
    assert mounts == {"/all": tmp_path, "/sub": tmp_path / "a/b", "/expr": tmp_path / "me"}
    assert all(path.is_dir() for path in mounts.values())


@pytest.mark.parametrize("sub", ["../out", "/etc", "a/../../b"])
def test_a_sub_path_stays_in_its_volume(tmp_path, sub):
    container = {"volumeMounts": [{"name": "v", "mountPath": "/m", "subPath": sub}]}
    with pytest.raises(MountError, match="must stay inside the volume"):
        mounts_of(container, {"v": tmp_path}, {})


def test_sizes(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "file").write_bytes(b"x" * 24)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert folder_size(tmp_path) - os.lstat(tmp_path / "link").st_size == 1024
    pod = make_pod({"name": "a", "emptyDir": {"sizeLimit": "1Ki"}}, {"name": "b", "emptyDir": {}})
    assert size_limits(pod) == {"a": "1Ki"}


@pytest.fixture
def start(tmp_path):
    async def start(script, **environment):
        attempt = Attempt(tmp_path / "0")
        await attempt.start([sys.executable, "-c", script], environment, tmp_path)
        return attempt

    return start


async def test_a_process_and_its_end(start, tmp_path):
    attempt = await start("import os, sys; print(os.environ['A']); sys.exit(7)", A="x y")
    end = await attempt.wait()
    assert (end.code, end.seen) == (7, True)
    assert attempt.log.read_text() == "x y\n"
    assert attempt.began <= end.at
    assert [one.folder for one in attempts_of(tmp_path)] == [attempt.folder]


async def test_an_end_by_a_signal(start):
    attempt = await start("import time; time.sleep(60)")
    await attempt.send(signal.SIGTERM)
    assert (await attempt.wait()).code == 128 + signal.SIGTERM


CHILD = "f = open('pipe', 'w'); open('up', 'w'); import time; time.sleep(20); f.write('alive')"
PARENT = (
    "import os, subprocess, sys, time\n"
    f"subprocess.Popen([sys.executable, '-c', {CHILD!r}])\n"
    "while not os.path.exists('up'): time.sleep(0.01)\n"
)


async def test_what_a_container_leaves_behind_ends_with_it(start, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    # The pipe ends when the last process that holds it does.
    rest = asyncio.create_task(asyncio.to_thread((tmp_path / "pipe").read_text))
    attempt = await start(PARENT)
    assert (await attempt.wait()).code == 0
    assert await rest == ""


async def test_another_runner_finds_the_end(start):
    first = await start("import sys; sys.exit(5)")
    await first.wait()
    assert (await Attempt(first.folder).wait()).code == 5


async def test_another_runner_follows_what_still_runs(start):
    first = await start("import time; time.sleep(60)")
    second = Attempt(first.folder)
    await second.send(signal.SIGTERM)
    assert (await second.wait()).code == 143
    await first.wait()


async def test_a_process_that_vanished_unseen(start):
    first = await start("import time; time.sleep(60)")
    await first.send(signal.SIGKILL)
    assert (await first.wait()).code == 137
    assert not (first.folder / "exit").exists()
    end = await Attempt(first.folder).wait()
    assert (end.code, end.seen) == (LOST, False)


async def test_a_program_that_cannot_be_started(tmp_path):
    attempt = Attempt(tmp_path / "0")
    with pytest.raises(RunError):
        await attempt.start(["/bin/true"], {}, tmp_path / "no-such-folder")
    assert (await Attempt(attempt.folder).wait()).code == 128


@pytest.mark.parametrize(
    ("file", "log", "code", "policy", "message"),
    [
        ("said", "log", 1, "FallbackToLogsOnError", "said"),
        ("", "log", 1, "FallbackToLogsOnError", "log"),
        ("", "log", 0, "FallbackToLogsOnError", ""),
        ("", "log", 1, "File", ""),
        ("x" * 5000, "", 0, "File", "x" * 4096),
        ("", "y" * 3000, 1, "FallbackToLogsOnError", "y" * 2048),
        ("", "l\n" * 90, 1, "FallbackToLogsOnError", "l\n" * 80),
    ],
)
def test_termination_messages(tmp_path, file, log, code, policy, message):
    attempt = Attempt(tmp_path)
    attempt.termination_log.write_text(file)
    attempt.log.write_text(log)
    assert termination_message(attempt, code, policy) == message


@pytest.mark.parametrize("ending", ["", "\n"])
@pytest.mark.parametrize(
    ("lines", "tail", "expected"),
    [
        (["a", "b", "c"], 2, ["b", "c"]),
        (["a", "b", "c"], 0, []),
        (["a", "b", "c"], 9, ["a", "b", "c"]),
        (["", "", "x"], 2, ["", "x"]),
        (["long" * 30000, "b"], 2, ["long" * 30000, "b"]),
        (["x"] * 70000, 40000, ["x"] * 40000),
    ],
)
def test_the_last_lines_of_a_log(tmp_path, lines, tail, expected, ending):
    file = tmp_path / "log"
    file.write_text("\n".join(lines) + ending)
    text = file.read_text()[tail_offset(file, tail) :]
    assert text == ("\n".join(expected) + ending if expected else "")
