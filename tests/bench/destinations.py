"""``python -m bench.destinations``: an export into each kind of destination, beside curl.

Curl gets the same bytes from the same source to the disk, and then puts the very parts that the
exporter wrote, one by one over one connection, into the same server under another prefix.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
import obstore

from support import azurite, servers
from support.rgw import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Ceph, rgw
from support.stores import MOTO, listening
from synclog.exporter.destination import Volume, destination_of
from synclog.windows import Window

from .exporting import Server, export, fetch, serving, settled_day
from .measuring import MIB, Cost, line, measure, tell

EXPORTED, COPIED = "bench/exported", "bench/copied"
_HOUR = timedelta(hours=1)
_CURL = ["curl", "-sSf", "-H", "Expect:", "-H", "x-ms-blob-type: BlockBlob"]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be exported."""

    source: Server
    window: Window
    folder: Path
    size: int


def into_volume(job: Job) -> tuple[Cost, Cost]:
    """Export into a folder; and let curl copy the parts into another one."""
    cost = export(job.source, job.window, job.folder, size=job.size, keep=True)
    archive, copies = job.folder / "archive", job.folder / "copies"
    try:
        names = [file.path for file in Volume(archive).files()]
        copy = _curl(
            job.folder,
            [(f"file://{archive / name}", "output", copies / name) for name in names],
            "--create-dirs",
        )
    finally:
        shutil.rmtree(archive)
        shutil.rmtree(copies, ignore_errors=True)
    return cost, copy


def into_store(job: Job, server: servers.Server) -> tuple[Cost, Cost]:
    """Export into a store; and let curl put the parts there."""
    auth, parts = job.folder / "store-auth", job.folder / "parts"
    try:
        for made in (auth, parts):
            made.mkdir()
        for name, value in server.secret.items():
            (auth / name).write_text(value)
        spec = server.spec(server.url, EXPORTED)
        cost = export(
            job.source,
            job.window,
            job.folder,
            size=job.size,
            destination=msgspec.to_builtins(spec),
            destination_auth=auth,
        )
        exported = destination_of(spec, auth=auth, ca_file=None)
        copied = destination_of(server.spec(server.url, COPIED), auth=auth, ca_file=None)
        files = [file for file in exported.files() if not file.path.startswith("_")]
        for file in files:
            with (parts / Path(file.path).name).open("wb") as part:
                part.writelines(exported.blocks(file.path))
        names = [Path(file.path).name for file in files]
        urls = obstore.sign(copied._store, "PUT", names, _HOUR)
        wanted = [(url, "upload-file", parts / name) for url, name in zip(urls, names, strict=True)]
        copy = _curl(job.folder, wanted)
        stored = sorted(file.size for file in copied.files())
        if stored != sorted(file.size for file in files):
            raise SystemExit("curl did not store what the exporter stored")
    finally:
        for made in (auth, parts):
            shutil.rmtree(made, ignore_errors=True)
    return cost, copy


def _curl(folder: Path, wanted: list[tuple[str, str, Path]], *options: str) -> Cost:
    """One curl for all URLs; signed ones are secrets and stay out of the arguments."""
    config = folder / "curl.conf"
    config.write_text("".join(f'url = "{url}"\n{verb} = "{path}"\n' for url, verb, path in wanted))
    return measure([*_CURL, *options, "-K", str(config)])


@contextmanager
def _rgw(folder: Path) -> Iterator[servers.Server]:
    ceph = Ceph.find()
    assert ceph is not None
    secret = {"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY}
    with rgw(ceph, folder, BUCKET) as url:
        yield servers.s3(url, BUCKET, REGION, secret)


@contextmanager
def _gcs(_folder: Path) -> Iterator[servers.Server]:
    # In a process of its own: what it keeps is not to weigh on ours.
    command = [sys.executable, "-m", "support.gcs", "archive"]
    with listening(command, "(http://[0-9.:]+)") as url:
        yield servers.gcs(url, "archive", servers.gcs_key())


@dataclass(frozen=True, slots=True)
class Store:
    """A store to measure with."""

    missing: Callable[[], str | None]
    """What to do to get it, where it is not installed."""
    start: Callable[[Path], AbstractContextManager[servers.Server]]


STORES = {
    "moto": Store(
        lambda: None if MOTO.exists() else "run make stores",
        lambda _folder: servers.s3_server(),
    ),
    "ceph": Store(lambda: None if Ceph.find() else "run make ceph", _rgw),
    "gcs": Store(lambda: None, _gcs),
    "azurite": Store(
        lambda: None if azurite.installed() else "run make azurite, which needs npm",
        servers.azure_server,
    ),
}


def _report(name: str, job: Job, costs: tuple[Cost, Cost], got: Cost) -> None:
    cost, put = costs
    line(name, job.size, cost, put, "curl's PUT")
    tell(f"{'':28} {(got + put).wall / cost.wall:.2f} of curl's GET ({got.wall:.2f} s) and PUT")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.destinations",
        description="Exports into each kind of destination, measured against curl.",
    )
    places = ["volume", *STORES]
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="MiB (1024)")
    parser.add_argument("--only", choices=places, nargs="+", default=places, help="(all)")
    options = parser.parse_args()
    window = settled_day()
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as source:
        folder = Path(name)
        source.behave({"population": {"bulk_bytes_per_day": options.size * MIB}})
        for place in options.only:
            store = STORES.get(place)
            if store and (missing := store.missing()):
                tell(f"{place}: skipped, it is not installed: {missing}")
                continue
            target = folder / "curl.out"
            got = fetch(source, window, target)
            job = Job(source, window, folder, target.stat().st_size)
            target.unlink()
            if store is None:
                _report(place, job, into_volume(job), got)
                continue
            with tempfile.TemporaryDirectory() as data, store.start(Path(data)) as server:
                _report(place, job, into_store(job, server), got)


if __name__ == "__main__":
    main()
