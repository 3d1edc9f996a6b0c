"""``python -m tests.bench``: the exporter's throughput, CPU and memory, as ratios to curl.

Each line compares with curl fetching the same bytes from the same local server to the same
disk in the same run, so that the machine cancels out. The whole exporter is measured: exact
window, digest, both SHA-256, fsync and the ledger are on. The line below it is what remains where
all that finds and checks records is left out.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import httpx

from synclog.windows import Window

from .exporting import PAGE, Server, export, fetch, least, serving, settled_day
from .measuring import MIB, line, measure, tell


def bench_csv(server: Server, window: Window, folder: Path, size: int) -> None:
    """The CSV route: plain and compressed."""
    server.behave({"population": {"bulk_bytes_per_day": size}})
    target = folder / "curl.out"
    plain = fetch(server, window, target)
    size = target.stat().st_size
    target.unlink()
    line("CSV", size, export(server, window, folder, size=size), plain, "curl")
    line("  read, hashed, written", size, least(server, window, target, "None"), plain, "curl")
    for tool, level, compression in (("gzip", "-6", "Gzip"), ("zstd", "-1", "Zstd")):
        if shutil.which(tool) is None:
            tell(f"CSV, {compression}: skipped, there is no {tool} to compare with")
            continue
        pipe = f'"$@" | {tool} {level} > {target}'
        base = measure(["sh", "-c", pipe, "sh", *server.curl, server.csv(window)])
        target.unlink()
        cost = export(server, window, folder, size=size, compression=compression)
        line(f"CSV, {compression}", size, cost, base, f"curl | {tool} {level}")
        cost = least(server, window, target, compression)
        line("  read, hashed, written", size, cost, base, f"curl | {tool} {level}")


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
    cost = export(server, window, folder, size=size, form="JSON")
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
    window = settled_day()
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        folder = Path(name)
        for size in options.csv:
            bench_csv(server, window, folder, size * MIB)
        for size in options.json:
            for latency in (0, options.latency):
                bench_json(server, window, folder, size * MIB, latency)


if __name__ == "__main__":
    main()
