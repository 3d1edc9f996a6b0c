"""What the commands that read an archive share: where it is, times, printing."""

import argparse
import os
from pathlib import Path

from synclog.api.run import ENV_DESTINATION_DIR
from synclog.exporter.destination import Volume
from synclog.exporter.errors import ConfigurationError


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the archive."""
    parser.add_argument(
        "--destination",
        default=os.environ.get(ENV_DESTINATION_DIR),
        metavar="DIR",
        help=f"folder of the archive (default: ${ENV_DESTINATION_DIR})",
    )


def volume(args: argparse.Namespace) -> Volume:
    """The archive.

    Raises:
        ConfigurationError: none is named, or it is no folder.
    """
    if args.destination is None:
        raise ConfigurationError("NoDestination", "say where the archive is: --destination DIR")
    if not Path(args.destination).is_dir():
        raise ConfigurationError("NoDestination", f"{args.destination} is not a folder")
    return Volume(Path(args.destination))
