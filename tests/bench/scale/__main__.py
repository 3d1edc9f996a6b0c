"""``python -m tests.bench.scale``: the operator at scale, on a real control plane."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

from devcluster import cluster, controlplane, install
from devcluster.client import Client, load_kubeconfig

from . import processes, report
from .due import CRON_JOB_CONTROLLER, OPERATOR, Place, Turn, take
from .idle import measure

_USAGE_ERROR = 2
_TERMINATED = 128 + signal.SIGTERM


def main() -> int:
    """Run what was asked for; returns the exit code."""
    options = _arguments()
    if not os.environ.get(cluster.ASSETS):
        report.tell(
            f"{cluster.ASSETS} must name a folder with {', '.join(controlplane.PROGRAMS)}: "
            "the comparison needs Kubernetes' own CronJob controller"
        )
        return _USAGE_ERROR
    os.environ.pop(cluster.CONTEXT, None)  # only a control plane of our own may be loaded so
    # As Ctrl-C does: what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    with tempfile.TemporaryDirectory(prefix="synclog-scale-") as folder:
        started = cluster.start_cluster(Path(folder) / "cluster")
        with started:
            asyncio.run(_run(started, Path(folder), options))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.scale",
        description="Lets the operator and the CronJob controller answer the same number of "
        "objects that are due in one minute, on one API server, in turns whose order alternates; "
        "then looks at the operator with many resources at rest. Nothing is asserted.",
    )
    add = parser.add_argument
    add("--due", type=int, default=1000, metavar="N", help="objects due at once; 0: skip (1000)")
    add("--rounds", type=int, default=2, metavar="N", help="turns of each side (2)")
    add("--first", choices=(OPERATOR, CRON_JOB_CONTROLLER), default=OPERATOR, help="who begins")
    add("--only", choices=(OPERATOR, CRON_JOB_CONTROLLER), help="turns of one side only")
    add("--lead", type=float, metavar="S", help="seconds for setting a turn up (30 + N/20)")
    add("--idle", type=int, default=5000, metavar="N", help="resources at rest; 0: skip (5000)")
    add("--rest", type=float, default=60, metavar="S", help="seconds at rest (60)")
    return parser.parse_args()


async def _run(started: cluster.Cluster, folder: Path, options: argparse.Namespace) -> None:
    async with Client(load_kubeconfig(started.kubeconfig), "scale-bench") as client:
        await install.install(client)
        token = await install.operator_token(client)
        own = install.write_kubeconfig(folder / "operator.kubeconfig", started.kubeconfig, token)
        manager = processes.find("kube-controller-manager", started.directory)
        place = Place(client, folder, own, manager)
        version = (await client.request("GET", "/version"))["gitVersion"]
        report.tell(f"Kubernetes {version}; {report.machine()}", "")
        if options.due:
            await _rounds(place, options)
        if options.idle:
            idle = await measure(place, options.idle, options.rest)
            report.tell(*report.describe_idle(idle), report.machine())


async def _rounds(place: Place, options: argparse.Namespace) -> None:
    lead = 30 + options.due / 20 if options.lead is None else options.lead
    turns: list[Turn] = []
    for number in range(options.rounds):
        order = sorted((OPERATOR, CRON_JOB_CONTROLLER), key=lambda who: who != options.first)
        for who in reversed(order) if number % 2 else order:
            if options.only in {None, who}:
                turn = await take(place, who, options.due, lead)
                turns.append(turn)
                report.tell(*report.describe_turn(turn), f"  {report.machine()}", "")
    report.tell(*report.compare(turns), "")


if __name__ == "__main__":
    sys.exit(main())
