"""What the pods of a node share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devcluster.client import Client, Object
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.images import Images
from devcluster.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Host:
    """The node, as its pods see it."""

    client: Client
    recorder: Recorder
    faults: Faults
    images: Images
    root: Path
    restart_delay: float
    """Seconds before the second restart of a container; doubles with each further one."""
    observe: Callable[[Object], None]
    """Takes the API server's answer to a write of a pod."""
