"""The end of the demo: the files against what the tenant says is true."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

Rows = Counter[tuple[tuple[str, str], ...]]


class NotProvenError(Exception):
    """Raised when the files are not what the tenant says is true."""


def prove(console: Console, archive: Path, source_url: str) -> None:
    """Verify the archive, and compare it event by event with the simulated tenant.

    Raises:
        NotProvenError: something is missing, doubled or changed.
    """
    console.print("\n[bold]synclog-export verify[/] says:\n")
    console.print(_export("verify", "--destination", str(archive)), highlight=False, soft_wrap=True)
    report = json.loads(_export("verify", "--json", "--destination", str(archive)))
    start, end = report["coverageStart"], report["coveredUntil"]
    query = urllib.parse.urlencode({"start": start, "end": end})
    with urllib.request.urlopen(f"{source_url}/_sim/truth?{query}") as answer:
        truth = _rows(answer.read().decode())
    found = _rows(_export("cat", "--format", "jsonl", "--destination", str(archive)))
    if found != truth:
        missing, extra = (truth - found).total(), (found - truth).total()
        raise NotProvenError(f"{missing} events are missing, {extra} are too many")
    console.print(
        f"The tenant itself says that it had {truth.total():,} events in that time; the files "
        "hold [bold]exactly these, each as often as there[/]."
    )


def _export(*arguments: str) -> str:
    command = [sys.executable, "-m", "synclog.cli.export", *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise NotProvenError(f"{done.stdout.decode()}\n{done.stderr.decode()}")
    return done.stdout.decode()


def _rows(lines: str) -> Rows:
    """Events as a multiset; a value that is not there and an empty one are the same in CSV."""
    rows: Iterable[dict[str, str | None]] = map(json.loads, filter(None, lines.split("\n")))
    return Counter(
        tuple(sorted((key, value) for key, value in row.items() if value)) for row in rows
    )
