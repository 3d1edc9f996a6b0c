"""``python -m devcluster.demo``: from nothing to a verified archive, to watch.

Starts an API server, a Job controller, a node, a simulated Code42 tenant and the operator, all
as local processes; applies a SyncLogExport; shows its backfill of 90 days, a run by trigger and
a run by schedule; then proves that the files hold exactly the tenant's events.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

from devcluster.demo.play import DemoFailedError, play
from devcluster.demo.proof import NotProvenError


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devcluster.demo", description=__doc__)
    parser.add_argument(
        "--directory", type=Path, default=Path(".demo"), help="where everything is kept"
    )
    parser.add_argument(
        "--parallelism", type=int, default=max(os.cpu_count() or 2, 2) * 2, help="pods side by side"
    )
    parser.add_argument(
        "--stay", action="store_true", help="keep running at the end, until Ctrl-C, to look around"
    )
    options = parser.parse_args()
    directory: Path = options.directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    console = Console()
    try:
        play(directory, console, options.parallelism, stay=options.stay)
    except KeyboardInterrupt:
        console.print(f"\nstopped; everything is in {directory}")
    except (DemoFailedError, NotProvenError) as error:
        console.print(f"[bold red]the demo failed:[/] {error}; the logs are in {directory}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
