"""What the commands that read an archive share: where it is, times, printing."""

import argparse
import os
from pathlib import Path

from synclog.api.run import ENV_DESTINATION_DIR
from synclog.exporter.destination import PLACES, Destination, destination_at
from synclog.exporter.errors import ConfigurationError


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the archive."""
    parser.add_argument(
        "--destination",
        default=os.environ.get(ENV_DESTINATION_DIR) or None,  # empty is not set
        metavar="PLACE",
        help=f"where the archive is: {PLACES}; credentials of stores are in the variables of their "
        f"own tools (default: ${ENV_DESTINATION_DIR})",
    )


def opened(args: argparse.Namespace) -> Destination:
    """The archive.

    Raises:
        ConfigurationError: none is named, or it is no folder and no URL of a store.
    """
    if args.destination is None:
        raise ConfigurationError(
            "NoDestination", "say where the archive is: --destination DIR, or s3://bucket/prefix"
        )
    if "://" not in args.destination and not Path(args.destination).is_dir():
        raise ConfigurationError("NoDestination", f"{args.destination} is not a folder")
    return destination_at(args.destination)
