"""What a command took, and how that is told."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

MIB = 1 << 20
_LAUNCHER = Path(__file__).with_name("launcher.py")
_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    wall: float
    cpu: float
    rss: int
    """Peak, in bytes."""

    def __add__(self, other: "Cost") -> "Cost":
        """One after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.rss, other.rss))


def measure(
    command: Sequence[str], *, to: Path | None = None, environ: Mapping[str, str] | None = None
) -> Cost:
    """Run a command to its end; a failure ends the benchmark.

    Args:
        command: what to run.
        to: file for its standard output.
        environ: variables besides our own.
    """
    ours, launchers = os.pipe()
    with (
        os.fdopen(ours, "rb") as report,
        (to or Path(os.devnull)).open("wb") as target,
        tempfile.TemporaryFile() as log,
    ):
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(launchers), *command],
            stdout=target,
            stderr=log,
            env=os.environ | dict(environ or {}),
            pass_fds=(launchers,),
        )
        os.close(launchers)
        cost = report.read()
        if process.wait():
            log.seek(max(0, log.tell() - _TAIL))
            said = log.read().decode(errors="replace")
            raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{said}")
    return msgspec.json.decode(cost, type=Cost)


def tell(text: str) -> None:
    """Print for a person, at once."""
    print(text, flush=True)  # noqa: T201 - a report for a person


def line(name: str, size: int, cost: Cost, base: Cost, base_name: str) -> None:
    """Print one comparison."""
    tell(
        f"{name:28} {size / MIB:7.0f} MiB {cost.wall:7.2f} s {cost.cpu / size * 1024 * MIB:6.1f} "
        f"CPU-s/GiB {cost.rss / MIB:5.0f} MiB peak   {base.wall / cost.wall:5.2f} of {base_name} "
        f"({base.wall:.2f} s)"
    )
