"""The secrets of destinations, as mounted files; none of them is ever shown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from synclog.exporter.errors import ConfigurationError

READ_AGAIN = timedelta(minutes=5)
"""A mounted Secret follows the one in the cluster: a credential that somebody renews there is
renewed here, in the middle of a run."""

_LIMIT = 64 * 1024


def read_again() -> datetime:
    """When a credential that is read now is to be read again."""
    return datetime.now(UTC) + READ_AGAIN


def secret(folder: Path, key: str) -> str:
    """The value of a key of the mounted Secret, without white space at its ends.

    Raises:
        ConfigurationError: its file is missing, empty or no text.
    """
    try:
        value = (folder / key).read_bytes()[:_LIMIT].decode().strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value:
        raise ConfigurationError(
            "NoCredentials",
            f"the key {key} of the destination's Secret is missing, empty or no text: add it to "
            "the Secret, or correct its name in spec.destination",
        )
    return value
