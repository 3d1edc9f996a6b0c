"""Azure Blob Storage."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.store import AzureStore

from synclog.api.destination import AzureBlob, AzureCredentials
from synclog.exporter.destination.failures import Act, Place
from synclog.exporter.destination.objects import (
    RETRIES,
    Bucket,
    client_options,
    options_of_environment,
)
from synclog.exporter.destination.secrets import READ_AGAIN, secret
from synclog.exporter.errors import ConfigurationError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore.store import AzureConfig, AzureCredential


@dataclass(frozen=True, slots=True)
class MountedCredential:
    """Reads the key or the token from the file of a mounted Secret, whenever it is asked."""

    names: AzureCredentials
    folder: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self) -> "AzureCredential":
        """The credential of now.

        Raises:
            ConfigurationError: its file is missing, empty or no text; or none is named.
        """
        until = self.clock() + READ_AGAIN
        if self.names.account_key_key is not None:
            key = secret(self.folder, self.names.account_key_key)
            return {"access_key": key, "expires_at": until}
        if self.names.sas_token_key is not None:
            token = secret(self.folder, self.names.sas_token_key).removeprefix("?")
            return {"sas_token": token, "expires_at": until}
        raise ConfigurationError(
            "NoCredentials", "azureBlob.credentials: set accountKeyKey or sasTokenKey"
        )


def azure(spec: AzureBlob, *, auth: Path) -> Bucket:
    """The destination that a spec means.

    Args:
        spec: the container.
        auth: folder with the files of the Secret that ``spec.credentials`` names.

    Raises:
        ConfigurationError: the file of the credentials is missing, empty or no text.
    """
    provider = MountedCredential(spec.credentials, auth) if spec.credentials else None
    if provider:
        provider()  # a missing file is told before anything is asked
    config: AzureConfig = {"account_name": spec.account}
    if spec.endpoint is not None:
        config["endpoint"] = spec.endpoint
    store = AzureStore(
        spec.container,
        prefix=spec.prefix or None,
        config=config,
        client_options=client_options(allow_http=spec.allow_http),
        retry_config=RETRIES,
        credential_provider=provider,
    )
    return Bucket(store, _place(spec.account, spec.container, spec.prefix))


def azure_of_environment(account: str, container: str, prefix: str) -> Bucket:
    """The destination that people name on the command line; AZURE_* variables say the rest."""
    store = AzureStore(
        container,
        prefix=prefix or None,
        config={"account_name": account},
        client_options=options_of_environment("AZURE_ALLOW_HTTP"),
        retry_config=RETRIES,
    )
    return Bucket(store, _place(account, container, prefix))


def _place(account: str, container: str, prefix: str) -> Place:
    where = f"on container {container} of account {account}"
    return Place(
        url=f"azure://{account}/{container}/{prefix}",
        holder=f"container {container} in account {account}",
        permissions={
            Act.CREATE: f"create (SAS: c; role: blobs/add/action) {where}",
            Act.READ: f"read (SAS: r; role: blobs/read) {where}",
            Act.LIST: f"list (SAS: l; role: blobs/read) {where}",
        },
    )
