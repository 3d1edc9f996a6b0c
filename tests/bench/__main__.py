"""``python -m tests.bench``: the exporter's throughput, CPU and memory, as ratios to curl.

Each line compares with curl fetching the same bytes from the same local server to the same
disk in the same run, so that the machine cancels out. The whole exporter is measured: exact
window, digest, both SHA-256, fsync and the ledger are on.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from synclog.windows import DAY, Window, format_time

MIB = 1 << 20
PAGE = 500
CLIENT = {"CODE42_CLIENT_ID": "bench", "CODE42_CLIENT_SECRET": "bench-only-secret"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    wall: float
    cpu: float
    rss: int
    """Peak, in bytes."""


def measure(command: Sequence[str], *, to: Path | None = None, **environment: str) -> Cost:
    """Run a command to its end; a failure ends the benchmark."""
    begin = time.perf_counter()
    with (to or Path(os.devnull)).open("wb") as target, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=target, stderr=log, env=os.environ | environment)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    wall = time.perf_counter() - begin
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


@dataclass(frozen=True, slots=True)
class Server:
    """A simulated source in a process of its own."""

    url: str
    token: str

    def behave(self, behaviour: dict[str, Any]) -> None:
        """Change how it behaves."""
        httpx.post(f"{self.url}/_sim/behaviour", json=behaviour).raise_for_status()

    def query(self, window: Window) -> str:
        """The query of a window."""
        return (
            f"eventOccurredAfter={format_time(window.start)}"
            f"&eventOccurredBefore={format_time(window.end)}"
        )

    @property
    def curl(self) -> list[str]:
        """Curl with a token."""
        return ["curl", "-sSfg", "-H", f"Authorization: Bearer {self.token}"]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a simulated source of bulk data."""
    where = folder / "url"
    command = [sys.executable, "-m", "devcluster.code42", "--url-file", str(where)]
    process = subprocess.Popen(command, env=os.environ | CLIENT, stdout=subprocess.DEVNULL)
    try:
        while not where.exists() or not where.read_text().strip():
            if process.poll() is not None:
                raise SystemExit("the simulated source did not start")
            time.sleep(0.05)
        url = where.read_text().strip()
        answer = httpx.post(
            f"{url}/api/v3/oauth/token?grant_type=client_credentials",
            auth=(CLIENT["CODE42_CLIENT_ID"], CLIENT["CODE42_CLIENT_SECRET"]),
        )
        yield Server(url, answer.json()["access_token"])
    finally:
        process.terminate()
        process.wait()


def export(
    server: Server, window: Window, folder: Path, *, form: str = "CSV", compression: str = "None"
) -> Cost:
    """Export a window with the real command, and remove what it wrote."""
    auth, files = folder / "auth", folder / "archive"
    auth.mkdir(exist_ok=True)
    (auth / "clientId").write_text(CLIENT["CODE42_CLIENT_ID"])
    (auth / "clientSecret").write_text(CLIENT["CODE42_CLIENT_SECRET"])
    source: dict[str, Any] = {
        "url": server.url,
        "format": form,
        "auth": {"apiClient": {"secretName": "bench"}},
        "maxRowsPerAnswer": 10_000_000,
    }
    if form == "JSON":
        source["pageSize"] = PAGE
    span = {"start": format_time(window.start), "end": format_time(window.end), "stepMs": DAY}
    spec = {
        "purpose": "window",
        "owner": {"namespace": "bench", "name": "bench"},
        "source": source,
        "destination": {"persistentVolumeClaim": {"claimName": "bench"}},
        "output": {"compression": compression},
        "coverageStart": format_time(window.start),
        "span": span,
    }
    path = folder / "spec.json"
    path.write_bytes(msgspec.json.encode(spec))
    program = str(Path(sys.executable).with_name("synclog-export"))
    files.mkdir()
    try:
        return measure(
            [
                *(program, "run", "--spec", str(path), "--destination", str(files)),
                *("--auth-dir", str(auth), "--spool", str(folder), "--log-format", "json"),
            ]
        )
    finally:
        shutil.rmtree(files)


def line(name: str, size: int, cost: Cost, base: Cost, base_name: str) -> None:
    """Print one comparison."""
    print(  # noqa: T201 - a report for a person
        f"{name:28} {size / MIB:7.0f} MiB {cost.wall:7.2f} s {cost.cpu / size * 1024 * MIB:6.1f} "
        f"CPU-s/GiB {cost.rss / MIB:5.0f} MiB peak   {base.wall / cost.wall:5.2f} of {base_name} "
        f"({base.wall:.2f} s)",
        flush=True,
    )


def bench_csv(server: Server, window: Window, folder: Path, size: int) -> None:
    """The CSV route: plain and compressed."""
    server.behave({"population": {"bulk_bytes_per_day": size}})
    target = folder / "curl.out"
    url = f"{server.url}/api/v3/DirectorySyncLog/csv?{server.query(window)}"
    plain = measure([*server.curl, "-o", str(target), url])
    size = target.stat().st_size
    target.unlink()
    line("CSV", size, export(server, window, folder), plain, "curl")
    for tool, level, compression in (("gzip", "-6", "Gzip"), ("zstd", "-1", "Zstd")):
        if shutil.which(tool) is None:
            print(f"CSV, {compression}: skipped, there is no {tool} to compare with")  # noqa: T201 - as above
            continue
        pipe = f'"$@" | {tool} {level} > {target}'
        base = measure(["sh", "-c", pipe, "sh", *server.curl, url])
        target.unlink()
        cost = export(server, window, folder, compression=compression)
        line(f"CSV, {compression}", size, cost, base, f"curl | {tool} {level}")


def bench_json(server: Server, window: Window, folder: Path, size: int, latency: int) -> None:
    """The JSON route against one curl that reuses its connection, page after page."""
    server.behave({"population": {"bulk_bytes_per_day": size}, "faults": {"latency_ms": latency}})
    base_url = (
        f"{server.url}/api/v3/DirectorySyncLog?{server.query(window)}"
        f"&sortColumn=logEventTimeStamp&sortDirection=asc&page[size]={PAGE}"
    )
    headers = {"Authorization": f"Bearer {server.token}"}
    first = httpx.get(f"{base_url}&page[number]=1", headers=headers, timeout=60).json()
    pages = -(-first["data"]["totalCount"] // PAGE)
    target = folder / "curl.out"
    wanted = "\n".join(f'url = "{base_url}&page[number]={n}"' for n in range(1, pages + 1))
    config = folder / "curl.conf"
    config.write_text(wanted)
    base = measure([*server.curl, "-K", str(config)], to=target)
    size = target.stat().st_size
    target.unlink()
    cost = export(server, window, folder, form="JSON")
    line(f"JSON, {latency} ms latency", size, cost, base, "curl, one by one")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="The exporter measured against curl."
    )
    parser.add_argument(
        "--csv", type=int, nargs="*", default=[64, 1024], metavar="MIB", help="sizes (64 1024)"
    )
    parser.add_argument(
        "--json", type=int, nargs="*", default=[64], metavar="MIB", help="sizes (64)"
    )
    parser.add_argument("--latency", type=int, default=50, help="of the JSON route, in ms (50)")
    options = parser.parse_args()
    today = time.time_ns() // 1_000_000 // DAY * DAY
    window = Window(today - DAY, today)
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        folder = Path(name)
        for size in options.csv:
            bench_csv(server, window, folder, size * MIB)
        for size in options.json:
            for latency in (0, options.latency):
                bench_json(server, window, folder, size * MIB, latency)


if __name__ == "__main__":
    main()
