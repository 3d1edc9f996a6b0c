"""From a spec, or from what a person wrote, to the destination that it means."""

from pathlib import Path
from urllib.parse import urlsplit

from synclog.api import spec as api
from synclog.exporter.destination.base import Destination
from synclog.exporter.destination.objects import pem
from synclog.exporter.destination.s3 import s3, s3_of_environment
from synclog.exporter.destination.volume import Volume
from synclog.exporter.errors import ConfigurationError


def destination_of(spec: api.Destination, *, auth: Path, ca_file: Path | None) -> Destination:
    """The object store that a spec names.

    Args:
        spec: the destination.
        auth: folder with one file for each key of the Secret of its credentials.
        ca_file: authorities to trust besides the public ones, PEM.

    Raises:
        ConfigurationError: it names none, or a file is missing or makes no sense.
    """
    if spec.s3 is not None:
        return s3(spec.s3, auth=auth, ca=_content(ca_file))
    raise ConfigurationError(
        "NoDestination", "say where the files go: --destination DIR, or s3://bucket/prefix"
    )


def destination_at(text: str) -> Destination:
    """The folder or the object store that a person named; the environment has the credentials.

    Raises:
        ConfigurationError: it is no URL of a store that is known.
    """
    if "://" not in text:
        return Volume(Path(text))
    parts = urlsplit(text)
    if parts.scheme == "s3" and parts.netloc and not parts.query:
        return s3_of_environment(parts.netloc, parts.path.strip("/"))
    raise ConfigurationError(
        "NoDestination", f"{text} is no destination: write a folder, or s3://bucket/prefix"
    )


def _content(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return pem(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            "InvalidCaBundle", f"the destination's CA bundle cannot be read: {error.strerror}"
        ) from error
