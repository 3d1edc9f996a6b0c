"""Azure Blob Storage."""

import base64
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import AzureStore

from synclog.api.destination import AzureBlob, AzureCredentials
from synclog.exporter.destination.connection import (
    connection,
    connection_of_environment,
    opening,
)
from synclog.exporter.destination.failures import Act, Place
from synclog.exporter.destination.guarantee import AZURE_HEADERS, LINK_LIFE, Protection
from synclog.exporter.destination.objects import Bucket, Marks
from synclog.exporter.destination.secrets import read_again, secret
from synclog.exporter.errors import ConfigurationError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore.store import AzureConfig, AzureCredential


def mounted_credential(names: AzureCredentials, folder: Path) -> "AzureCredential":
    """The key or the token that the file of a mounted Secret holds now.

    Raises:
        ConfigurationError: its file is missing, empty, no text or no key; or none is named.
    """
    if names.account_key_key is not None:
        key = secret(folder, names.account_key_key)
        try:
            base64.b64decode(key, validate=True)
        except ValueError:
            # The library would say that there are no credentials.
            raise ConfigurationError(
                "CredentialsUnreadable",
                f"the key {names.account_key_key} of the destination's Secret is no key of a "
                "storage account: store the key alone, not the connection string",
            ) from None
        return {"access_key": key, "expires_at": read_again()}
    if names.sas_token_key is not None:
        return {"sas_token": _token(names.sas_token_key, folder), "expires_at": read_again()}
    raise ConfigurationError(
        "NoCredentials", "azureBlob.credentials: set accountKeyKey or sasTokenKey"
    )


def _token(key: str, folder: Path) -> str:
    return secret(folder, key).removeprefix("?")


def azure(spec: AzureBlob, *, auth: Path, ca: bytes | None = None) -> Bucket:
    """The destination that a spec means.

    Args:
        spec: the container.
        auth: folder with the files of the Secret that ``spec.credentials`` names.
        ca: authorities to trust besides the public ones, PEM.

    Raises:
        ConfigurationError: the file of the credentials is missing, empty or no text.
    """
    provider = (
        functools.partial(mounted_credential, spec.credentials, auth) if spec.credentials else None
    )
    if provider:
        provider()  # a missing file is told before anything is asked
    config: AzureConfig = {"account_name": spec.account}
    if spec.endpoint is not None:
        config["endpoint"] = spec.endpoint
    with opening(f"azure://{spec.account}/{spec.container}", "AZURE_"):
        store = AzureStore(
            spec.container,
            config=config,
            credential_provider=provider,
            **connection(spec.prefix, allow_http=spec.allow_http, ca=ca),
        )
    tier = spec.access_tier.value if spec.access_tier is not None else None
    return Bucket(
        store,
        _place(spec.account, spec.container, spec.prefix, tagged=bool(spec.tags)),
        Protection(AZURE_HEADERS, _link(spec, auth, store), ca),
        marks=Marks(tier, spec.tags or {}),
    )


def azure_of_environment(account: str, container: str, prefix: str) -> Bucket:
    """The destination that people name on the command line; AZURE_* variables say the rest."""
    with opening(f"azure://{account}/{container}", "AZURE_"):
        store = AzureStore(
            container,
            config={"account_name": account},
            **connection_of_environment(prefix, "AZURE_ALLOW_HTTP"),
        )
    link = functools.partial(_signed, store)
    return Bucket(
        store,
        _place(account, container, prefix, tagged=False),
        Protection(AZURE_HEADERS, link),
    )


def _link(spec: AzureBlob, auth: Path, store: AzureStore) -> Callable[[str], str]:
    key = spec.credentials.sas_token_key if spec.credentials else None
    if key is None:
        return functools.partial(_signed, store)
    # A token cannot sign another one, but it opens a link by itself.
    service = spec.endpoint or f"https://{spec.account}.blob.core.windows.net"
    folder = f"{service}/{spec.container}/{spec.prefix}{spec.prefix and '/'}"
    return lambda path: f"{folder}{path}?{_token(key, auth)}"


def _signed(store: AzureStore, path: str) -> str:
    # The right to read is what GET is signed with; HEAD needs it, but is signed with none.
    return obstore.sign(store, "GET", path, LINK_LIFE)


def _place(account: str, container: str, prefix: str, *, tagged: bool) -> Place:
    creating = "(SAS: c; role: blobs/add/action)"
    if tagged:
        creating = "and tag (SAS: ct; role: blobs/add/action and blobs/tags/write)"
    where = f"on container {container} of account {account}"
    return Place(
        url=f"azure://{account}/{container}/{prefix}",
        holder=f"container {container} in account {account}",
        permissions={
            Act.CREATE: f"create {creating} {where}",
            Act.READ: f"read (SAS: r; role: blobs/read) {where}",
            Act.LIST: f"list (SAS: l; role: blobs/read) {where}",
        },
    )
