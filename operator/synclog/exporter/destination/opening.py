"""From a spec, or from what a person wrote, to the destination that it means."""

from pathlib import Path
from urllib.parse import urlsplit

from synclog.api import destination as api
from synclog.exporter.destination.azure import azure, azure_of_environment
from synclog.exporter.destination.base import Destination
from synclog.exporter.destination.connection import pem
from synclog.exporter.destination.gcs import gcs, gcs_of_environment
from synclog.exporter.destination.s3 import s3, s3_of_environment
from synclog.exporter.destination.volume import Volume
from synclog.exporter.errors import ConfigurationError

PLACES = "DIR, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azure://ACCOUNT/CONTAINER/PREFIX"
"""What a person may name."""


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
    if spec.gcs is not None:
        return gcs(spec.gcs, auth=auth, ca=_content(ca_file))
    if spec.azure_blob is not None:
        return azure(spec.azure_blob, auth=auth, ca=_content(ca_file))
    raise ConfigurationError("NoDestination", f"say where the files go: --destination {PLACES}")


def destination_at(text: str) -> Destination:
    """The folder or the object store that a person named; the environment has the credentials.

    Raises:
        ConfigurationError: it is no URL of a store that is known.
    """
    if "://" not in text:
        return Volume(Path(text))
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets, which are for addresses
        parts = urlsplit("")
    first, prefix = parts.netloc, parts.path.strip("/")
    match "" if _odd(text, prefix) else parts.scheme:
        case "s3" if first:
            return s3_of_environment(first, prefix)
        case "gs" if first:
            return gcs_of_environment(first, prefix)
        case "azure" if first and prefix:
            container, _, prefix = prefix.partition("/")
            return azure_of_environment(first, container, prefix)
    # Before an @, and behind a question mark, there may be a secret: as in a link with a SAS token.
    shown = f"{text.partition('://')[0]}://…" if any(sign in text for sign in "@?#") else text
    raise ConfigurationError("NoDestination", f"{shown} is no destination: write {PLACES}")


def _odd(text: str, prefix: str) -> bool:
    """Whether a URL says more than the name of a place, or has folders that no store keeps."""
    return any(sign in text for sign in "@?#") or not {"", ".", ".."}.isdisjoint(
        prefix.split("/") if prefix else ()
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
