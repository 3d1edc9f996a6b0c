"""``python -m devcluster.podrunner --kubeconfig FILE --root DIR --image NAME=ENTRYPOINT ...``."""

import argparse
from pathlib import Path

from devcluster import program
from devcluster.client import Client, load_kubeconfig
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.images import Images, parse_image
from devcluster.podrunner.runner import PodRunner, Settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devcluster.podrunner",
        description="Be a node: run the pods of an API server as local processes.",
    )
    program.add_arguments(parser)
    parser.add_argument("--root", type=Path, required=True, help="folder for volumes and logs")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=ENTRYPOINT",
        help="a known image, or a pattern of names (*, ?), and the command that is its "
        "entrypoint; may be empty, may be repeated, the first that matches counts",
    )
    parser.add_argument("--node", default="devnode", help="name of the node")
    parser.add_argument(
        "--unbound-class",
        action="append",
        default=["manual-never"],
        metavar="NAME",
        help="a storage class whose claims stay pending (manual-never always is)",
    )
    parser.add_argument(
        "--restart-delay",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="delay before the second restart of a container; doubles with each further one",
    )
    parser.add_argument(
        "--heartbeat", type=float, default=10.0, metavar="SECONDS", help="between signs of life"
    )
    parser.add_argument(
        "--keep-containers",
        action="store_true",
        help="leave the containers running on SIGTERM; a later runner goes on with them",
    )
    faults = parser.add_argument_group(
        "faults", "switches for tests; while running: GET, PUT, DELETE /_faults on the node's port"
    )
    faults.add_argument("--dead", action="store_true", help="neither hear nor report")
    faults.add_argument("--unschedulable", action="store_true", help="let no pod fit")
    faults.add_argument("--pull-delay", type=float, default=0.0, metavar="SECONDS")
    return parser


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    faults = Faults()
    try:
        images = Images(dict(parse_image(text) for text in arguments.image))
        faults.set(
            {
                "dead": arguments.dead,
                "unschedulable": arguments.unschedulable,
                "pullDelaySeconds": arguments.pull_delay,
            }
        )
    except ValueError as error:
        parser.error(str(error))
    settings = Settings(
        root=arguments.root.resolve(),
        images=images,
        node=arguments.node,
        unbound_classes=tuple(arguments.unbound_class),
        restart_delay=arguments.restart_delay,
        heartbeat=arguments.heartbeat,
        keep_containers=arguments.keep_containers,
    )

    async def serve() -> None:
        async with Client(load_kubeconfig(arguments.kubeconfig), "devcluster-pod-runner") as client:
            runner = PodRunner(client, settings, faults)
            await runner.run(lambda port: program.tell_ready(arguments.ready_file, port=port))

    program.run_program(arguments, serve)


if __name__ == "__main__":
    main()
