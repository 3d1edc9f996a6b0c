"""Ceph's object gateway: a real S3 server, in memory, from packages (`make ceph`).

``python -m support.rgw COMMAND...`` runs a command with a gateway that it finds in
SYNCLOG_TEST_S3_* and AWS_*, as it would find one that somebody else had started.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

from support.stores import HERE, call, listening

ACCESS_KEY = "AKIAEXAMPLE"
SECRET_KEY = "the-secret-of-the-key"
REGION = "us-east-1"
BUCKET = "archive"
PROGRAMS = (
    *("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd"),
    *("ceph-authtool", "monmaptool", "osdmaptool"),
)
PATIENCE = 120
"""Seconds that a program may take to end or to stop."""

_UNPACKED = Path(os.environ.get("SYNCLOG_CEPH", f"{sys.prefix}/stores/ceph"))
_MINUTE = timedelta(minutes=1)
_EVERYTHING = [word for who in ("mon", "osd") for word in ("--cap", who, "allow *")]


@dataclass(frozen=True)
class Ceph:
    """Where the programs are."""

    environ: dict[str, str]
    settings: str
    """What they must be told because they were not installed where they expect to be."""

    @classmethod
    def find(cls) -> "Ceph | None":
        """Those that were installed, or else those that `make ceph` unpacked."""
        if all(map(shutil.which, PROGRAMS)):
            return cls(dict(os.environ), "")
        programs = _UNPACKED / "usr/bin"
        if not all((programs / name).exists() for name in PROGRAMS):
            return None
        (libraries,) = (folder.parent for folder in _UNPACKED.glob("usr/lib/*/rados-classes"))
        folders = [libraries, libraries / "ceph", _UNPACKED / "lib" / libraries.name]
        return cls(
            os.environ
            | {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "LD_LIBRARY_PATH": ":".join(map(str, folders)),
            },
            f"plugin_dir = {libraries}/ceph\n"
            f"erasure_code_dir = {libraries}/ceph/erasure-code\n"
            f"osd_class_dir = {libraries}/rados-classes\n",
        )

    def run(self, *command: str) -> None:
        """Run a program to its end."""
        done = subprocess.run(
            command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{command[0]} failed: {done.stderr}"

    @contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Run a program in the background; it writes a log of its own."""
        with subprocess.Popen(
            command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield
            finally:
                process.terminate()
                process.wait(PATIENCE)


@contextmanager
def rgw(ceph: Ceph, folder: Path, *buckets: str) -> Iterator[str]:
    """A gateway with buckets, and the smallest cluster that can carry it; gives its URL."""
    monitor, gateway = _free_port(), _free_port()
    cluster, keys = uuid.uuid4(), folder / "keyring"
    settings = folder / "ceph.conf"
    settings.write_text(_settings(ceph, folder, str(cluster), monitor, gateway))
    known = ("-c", str(settings))

    grant = ("ceph-authtool", str(keys), "--gen-key", "-n")
    ceph.run("ceph-authtool", "--create-keyring", str(keys))
    for name in ("mon.", "osd.0", "client.admin"):
        ceph.run(*grant, name, *_EVERYTHING)
    maps = {name: str(folder / name) for name in ("monmap", "osdmap")}
    address = f"[v2:{HERE}:{monitor}]"
    ceph.run(
        *("monmaptool", "--create", "--fsid", str(cluster)),
        *("--addv", "a", address, maps["monmap"]),
    )
    # With a disk in the map from the beginning no command to the monitor is needed.
    ceph.run("osdmaptool", "--createsimple", "1", "--pg-bits", "3", maps["osdmap"])
    ceph.run(
        *("ceph-mon", *known, "-i", "a", "--mkfs", "--keyring", str(keys)),
        *("--monmap", maps["monmap"], "--osdmap", maps["osdmap"]),
    )
    ceph.run("ceph-osd", *known, "-i", "0", "--mkfs", "--no-mon-config")
    with ExitStack() as stack:
        for program, name in (("ceph-mon", "a"), ("ceph-osd", "0")):
            stack.enter_context(ceph.running(program, *known, "-i", name, "-f"))
        # Ends when the cluster stores what it is told to.
        ceph.run(
            *("radosgw-admin", *known, "user", "create", "--uid", "test", "--display-name", "test"),
            *("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY),
        )
        command = ["radosgw", *known, "-n", "client.admin", "-d"]
        stack.enter_context(listening(command, "(starting handler): beast", ceph.environ))
        url = f"http://{HERE}:{gateway}"
        for bucket in buckets:
            assert _create(url, bucket) == 200
        yield url


def _settings(ceph: Ceph, folder: Path, cluster: str, monitor: int, gateway: int) -> str:
    for name in ("mon", "osd"):
        (folder / name).mkdir()
    return f"""\
[global]
{ceph.settings}
fsid = {cluster}
keyring = {folder}/keyring
mon_host = v2:{HERE}:{monitor}
public_addr = {HERE}
cluster_addr = {HERE}
admin_socket =
pid_file =
run_dir = {folder}
crash_dir = {folder}
log_to_stderr = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_update_on_start = false
mon_allow_pool_size_one = true
[mon]
mon_data = {folder}/mon
log_file = {folder}/mon.log
mon_cluster_log_file = {folder}/cluster.log
[osd]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 16G
log_file = {folder}/osd.log
[client]
rgw_data = {folder}
rgw_frontends = beast endpoint={HERE}:{gateway}
log_file = {folder}/rgw.log
"""


def _create(url: str, bucket: str) -> int:
    """Create a bucket: the one request for which the storage library has no call."""
    store = S3Store(
        bucket,
        endpoint=url,
        region=REGION,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )
    signed = obstore.sign(store, "PUT", "", _MINUTE)
    return call(url, "PUT", signed.removeprefix(url)).status


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
        return port


def main(command: list[str]) -> int:
    """Run a command with a gateway; returns its exit code."""
    ceph = Ceph.find()
    if ceph is None:
        raise SystemExit(
            "Ceph's programs are missing: run `make ceph` on Debian or Ubuntu, or install "
            + ", ".join(PROGRAMS)
        )
    with (
        tempfile.TemporaryDirectory(prefix="synclog-rgw-") as name,
        rgw(ceph, Path(name), BUCKET) as url,
    ):
        told = {
            "SYNCLOG_TEST_S3_ENDPOINT": url,
            "SYNCLOG_TEST_S3_BUCKET": BUCKET,
            "SYNCLOG_TEST_S3_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        return subprocess.run(command, env=os.environ | told, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
