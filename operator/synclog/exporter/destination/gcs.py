"""Google Cloud Storage."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import GCSStore

from synclog.api.destination import Gcs
from synclog.exporter.destination.connection import (
    Connection,
    connection,
    connection_of_environment,
    opening,
)
from synclog.exporter.destination.failures import Act, Place
from synclog.exporter.destination.guarantee import GCS_HEADERS, LINK_LIFE, Protection
from synclog.exporter.destination.objects import Bucket, Marks
from synclog.exporter.destination.secrets import secret
from synclog.exporter.errors import ConfigurationError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore.store import GCSConfig


def gcs(spec: Gcs, *, auth: Path, ca: bytes | None = None) -> Bucket:
    """The destination that a spec means.

    Args:
        spec: the bucket.
        auth: folder with the files of the Secret that ``spec.credentials`` names.
        ca: authorities to trust besides the public ones, PEM.

    Raises:
        ConfigurationError: the file of the credentials is missing, or no key of an account.
    """
    config: GCSConfig = {}
    if spec.endpoint is not None:
        config["base_url"] = spec.endpoint
    if spec.credentials is not None:
        config["service_account_key"] = secret(auth, spec.credentials.key)
    how = connection(spec.prefix, allow_http=spec.allow_http, ca=ca)
    store = _store(spec.bucket, config, how)
    # Other identities sign by asking another service of Google, which may be out of reach.
    link = _linked(store) if spec.credentials is not None else None
    return Bucket(
        store,
        _place(spec.bucket, spec.prefix),
        Protection(GCS_HEADERS, link, ca),
        marks=Marks(spec.storage_class),
    )


def gcs_of_environment(bucket: str, prefix: str) -> Bucket:
    """The destination that people name on the command line; GOOGLE_* variables say the rest."""
    store = _store(bucket, {}, connection_of_environment(prefix, "GOOGLE_ALLOW_HTTP"))
    return Bucket(store, _place(bucket, prefix), Protection(GCS_HEADERS, None))


def _linked(store: GCSStore) -> Callable[[str], str]:
    return lambda path: obstore.sign(store, "HEAD", path, LINK_LIFE)


def _store(bucket: str, config: "GCSConfig", how: Connection) -> GCSStore:
    try:
        with opening(f"gs://{bucket}", "GOOGLE_"):
            return GCSStore(bucket, config=config, **how)
    except ConfigurationError:
        if "service_account_key" not in config:
            raise
        raise ConfigurationError(
            "CredentialsUnreadable",
            f"gs://{bucket}: the credentials are no JSON key of a service account: "
            "store the file that the console gives, unchanged",
        ) from None


def _place(bucket: str, prefix: str) -> Place:
    return Place(
        url=f"gs://{bucket}/{prefix}",
        holder=f"bucket {bucket}",
        permissions={
            Act.CREATE: f"storage.objects.create (roles/storage.objectCreator) on {bucket}",
            Act.READ: f"storage.objects.get (roles/storage.objectViewer) on {bucket}",
            Act.LIST: f"storage.objects.list (roles/storage.objectViewer) on {bucket}",
        },
    )
