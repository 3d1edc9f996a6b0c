"""Image names, and the commands on this machine that they stand for."""

import fnmatch
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devcluster.podrunner.environment import expand
from devcluster.podrunner.errors import ImageError, RunError
from devcluster.podrunner.paths import PathMap

_NAME = re.compile(
    r"[a-z0-9]+([._:/-]+[a-z0-9]+)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?", re.ASCII
)

SEARCH_PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
"""PATH of a container: the programs of this Python environment come first."""


class Images:
    """What this node has instead of images: by name or pattern (``*``, ``?``) an entrypoint."""

    def __init__(self, entrypoints: Mapping[str, Sequence[str]]) -> None:
        self._entrypoints = entrypoints

    def entrypoint(self, image: str, pull_policy: str = "") -> Sequence[str]:
        """The entrypoint of an image; it may be empty.

        Raises:
            ImageError: the image is not there, or its name can be nobody's.
        """
        if not _NAME.fullmatch(image):
            raise ImageError(
                "InvalidImageName",
                f'Failed to apply default image tag "{image}": couldn\'t parse image name '
                f'"{image}": invalid reference format',
            )
        for pattern, entrypoint in self._entrypoints.items():
            if fnmatch.fnmatchcase(image, pattern):
                return entrypoint
        if pull_policy == "Never":
            raise ImageError(
                "ErrImageNeverPull",
                f'Container image "{image}" is not present with pull policy of Never',
            )
        raise ImageError(
            "ErrImagePull",
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '
            "not found",
        )


def parse_image(text: str) -> tuple[str, list[str]]:
    """Read ``NAME=ENTRYPOINT``; the entrypoint is split as a shell does, and may be empty.

    Raises:
        ValueError: there is no ``=``.
    """
    name, separator, entrypoint = text.partition("=")
    if not separator:
        raise ValueError(f"{text!r} is no image: write NAME=ENTRYPOINT, or NAME= for none")
    return name, shlex.split(entrypoint)


def command_line(
    container: dict[str, Any],
    entrypoint: Sequence[str],
    variables: Mapping[str, str],
    paths: PathMap,
) -> list[str]:
    """The program of a container, found on its PATH, and its arguments.

    Raises:
        RunError: there is no command, or no such program.
    """
    given = [*(container.get("command") or entrypoint), *(container.get("args") or ())]
    words = [paths.rewrite(expand(word, variables)) for word in given]
    if not words:
        raise RunError("no command specified")
    program = shutil.which(words[0], path=variables.get("PATH"))
    if program is None:
        raise RunError(
            f'failed to create containerd task: exec: "{words[0]}": executable file not found '
            "in $PATH"
        )
    return [program, *words[1:]]
