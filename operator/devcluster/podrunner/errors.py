"""Why a container cannot be started (yet).

::

    StartError
    ├── MountError    a volume cannot be prepared: the pod stays in ContainerCreating
    ├── ImageError    the image is not there: ErrImagePull and its relatives
    ├── ConfigError   the environment cannot be built: CreateContainerConfigError
    └── RunError      the command cannot be run: the container ends at once (StartError, 128)
"""


class StartError(Exception):
    """A container cannot be started; the message says why, in kubelet's words."""


class MountError(StartError):
    """A volume cannot be prepared, because what it shows is missing or unknown."""


class ImageError(StartError):
    """The image of a container stands for nothing on this machine."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        """The container's waiting reason, such as ErrImagePull."""


class ConfigError(StartError):
    """The environment of a container refers to something that is missing."""


class RunError(StartError):
    """The command of a container names no program that can be executed."""
