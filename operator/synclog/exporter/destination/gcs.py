"""Google Cloud Storage."""

from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import GCSStore

from synclog.api.destination import Gcs
from synclog.exporter.destination.failures import Act, Place
from synclog.exporter.destination.objects import (
    RETRIES,
    Bucket,
    client_options,
    options_of_environment,
)
from synclog.exporter.destination.secrets import secret
from synclog.exporter.errors import ConfigurationError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore.store import ClientConfig, GCSConfig


def gcs(spec: Gcs, *, auth: Path) -> Bucket:
    """The destination that a spec means.

    Args:
        spec: the bucket.
        auth: folder with the files of the Secret that ``spec.credentials`` names.

    Raises:
        ConfigurationError: the file of the credentials is missing, or no key of an account.
    """
    config: GCSConfig = {}
    if spec.endpoint is not None:
        config["base_url"] = spec.endpoint
    if spec.credentials is not None:
        config["service_account_key"] = secret(auth, spec.credentials.key)
    return _bucket(spec.bucket, spec.prefix, config, client_options(allow_http=spec.allow_http))


def gcs_of_environment(bucket: str, prefix: str) -> Bucket:
    """The destination that people name on the command line; GOOGLE_* variables say the rest."""
    return _bucket(bucket, prefix, {}, options_of_environment("GOOGLE_ALLOW_HTTP"))


def _bucket(bucket: str, prefix: str, config: "GCSConfig", options: "ClientConfig") -> Bucket:
    try:
        store = GCSStore(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options=options,
            retry_config=RETRIES,
        )
    except BaseError:
        # Without the cause: it may quote the key.
        raise ConfigurationError(
            "CredentialsUnreadable",
            f"gs://{bucket}/{prefix}: the credentials are no JSON key of a service account: "
            "store the file that the console gives, unchanged",
        ) from None
    place = Place(
        url=f"gs://{bucket}/{prefix}",
        holder=f"bucket {bucket}",
        permissions={
            Act.CREATE: f"storage.objects.create (roles/storage.objectCreator) on {bucket}",
            Act.READ: f"storage.objects.get (roles/storage.objectViewer) on {bucket}",
            Act.LIST: f"storage.objects.list (roles/storage.objectViewer) on {bucket}",
        },
    )
    return Bucket(store, place)
