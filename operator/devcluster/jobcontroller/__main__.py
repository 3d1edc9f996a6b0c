"""``python -m devcluster.jobcontroller --kubeconfig FILE``."""

import argparse
from datetime import timedelta

from devcluster import program
from devcluster.client import Client, load_kubeconfig
from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.controller import JobController


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m devcluster.jobcontroller", description="Run the Jobs of an API server."
    )
    program.add_arguments(parser)
    parser.add_argument(
        "--backoff-base",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="delay before the first failed pod is replaced; doubles with each failure",
    )
    arguments = parser.parse_args()
    base = timedelta(seconds=arguments.backoff_base)

    async def serve() -> None:
        connection = load_kubeconfig(arguments.kubeconfig)
        async with Client(connection, "devcluster-job-controller") as client:
            controller = JobController(client, Backoff(base, cap=base * 60))
            await controller.run(lambda: program.tell_ready(arguments.ready_file))

    program.run_program(arguments, serve)


if __name__ == "__main__":
    main()
