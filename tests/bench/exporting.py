"""The simulated source, and the real exporter that reads it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from synclog.windows import DAY, Window, format_time

from . import floor
from .measuring import Cost, measure

PAGE = 500
IMAGE = {"MALLOC_ARENA_MAX": "2"}
"""The environment that the image sets."""
_FLOOR = Path(floor.__file__)
CLIENT = {"CODE42_CLIENT_ID": "bench", "CODE42_CLIENT_SECRET": "bench-only-secret"}
VOLUME = {"persistentVolumeClaim": {"claimName": "bench"}}
_ROWS = 10_000_000
"""The most that one answer may hold and still be taken as a whole."""
_WINDOW = 1200 << 20
"""Bytes of a window at most, so that its rows stay below that."""


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

    def csv(self, window: Window) -> str:
        """The URL of a window's CSV."""
        return f"{self.url}/api/v3/DirectorySyncLog/csv?{self.query(window)}"

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


def settled_day() -> Window:
    """The day before yesterday: all of it is settled, also just after midnight."""
    today = time.time_ns() // 1_000_000 // DAY * DAY
    return Window(today - 2 * DAY, today - DAY)


def fetch(server: Server, window: Window, target: Path) -> Cost:
    """Get the CSV of a window with curl."""
    return measure([*server.curl, "-o", str(target), server.csv(window)])


def least(server: Server, window: Window, target: Path, compression: str) -> Cost:
    """Get the CSV of a window with nothing but what moves its bytes; see `floor`."""
    command = [sys.executable, str(_FLOOR), server.csv(window), str(target), compression]
    try:
        return measure(command, environ={floor.TOKEN: server.token} | IMAGE)
    finally:
        target.unlink(missing_ok=True)


def export(
    server: Server,
    window: Window,
    folder: Path,
    *,
    size: int,
    form: str = "CSV",
    compression: str = "None",
    destination: Mapping[str, Any] = VOLUME,
    destination_auth: Path | None = None,
    keep: bool = False,
) -> Cost:
    """Export with the real command; what it wrote to a folder is removed.

    Args:
        server: the source.
        window: the time to export. Much more than a GiB is read in several windows.
        folder: room for everything.
        size: bytes that the source has for it.
        form: CSV or JSON.
        compression: as in ``spec.output``.
        destination: as in ``spec.destination``; a volume is the folder ``archive``.
        destination_auth: the files of the destination's Secret.
        keep: leave the folder ``archive``.
    """
    auth, files = folder / "auth", folder / "archive"
    auth.mkdir(exist_ok=True)
    (auth / "clientId").write_text(CLIENT["CODE42_CLIENT_ID"])
    (auth / "clientSecret").write_text(CLIENT["CODE42_CLIENT_SECRET"])
    source: dict[str, Any] = {
        "url": server.url,
        "format": form,
        "auth": {"apiClient": {"secretName": "bench"}},
        "maxRowsPerAnswer": _ROWS,
    }
    if form == "JSON":
        source["pageSize"] = PAGE
    windows = -(-size // _WINDOW)
    span = {
        "start": format_time(window.start),
        "end": format_time(window.end),
        "stepMs": -(-DAY // windows),
    }
    spec = {
        "purpose": "window",
        "owner": {"namespace": "bench", "name": "bench"},
        "source": source,
        "destination": destination,
        "output": {"compression": compression},
        "coverageStart": format_time(window.start),
        "span": span,
    }
    path = folder / "spec.json"
    path.write_bytes(msgspec.json.encode(spec))
    command = [str(Path(sys.executable).with_name("synclog-export")), "run", "--spec", str(path)]
    command += ["--auth-dir", str(auth), "--spool", str(folder), "--log-format", "json"]
    environ = dict(IMAGE)
    if destination is VOLUME:
        command += ["--destination", str(files)]
        files.mkdir()
    if destination_auth is not None:
        environ["SYNCLOG_DESTINATION_AUTH_DIR"] = str(destination_auth)
    try:
        return measure(command, environ=environ)
    finally:
        if destination is VOLUME and not keep:
            shutil.rmtree(files)
