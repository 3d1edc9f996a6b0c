"""What an exporter's pod finds in its file system: spool, destination, secrets, authorities.

Secrets are files, never variables or arguments, and only the keys that the spec names.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synclog.api import run
from synclog.api.destination import (
    S3,
    AzureBlob,
    AzureCredentials,
    Destination,
    Gcs,
    GcsCredentials,
    S3Credentials,
)
from synclog.api.fields import CaBundle
from synclog.api.source import Auth
from synclog.api.spec import SyncLogExportSpec

SPOOL = "/var/lib/synclog/spool"
_DESTINATION = "/var/lib/synclog/destination"
_AUTH = "/run/synclog/auth"
_CA = "/run/synclog/ca"
_DESTINATION_AUTH = "/run/synclog/destination-auth"
_DESTINATION_CA = "/run/synclog/destination-ca"


@dataclass(frozen=True, slots=True)
class Mounts:
    """Volumes of a pod, their mounts in its container, and the variables that name them."""

    volumes: list[dict[str, Any]] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, path: str, variable: str, volume: dict[str, Any], **how: Any) -> None:
        """Add one folder."""
        self.volumes.append({"name": name, **volume})
        self.mounts.append({"name": name, "mountPath": path, **how})
        self.env[variable] = path

    def add_secret(
        self, name: str, path: str, variable: str, secret: str, keys: Iterable[str]
    ) -> None:
        """Add a folder with one file for each key."""
        items = [{"key": key, "path": key} for key in keys]
        volume = {"secretName": secret, "defaultMode": 0o440, "items": items}
        self.add(name, path, variable, {"secret": volume}, readOnly=True)

    def add_bundle(self, name: str, path: str, variable: str, bundle: CaBundle | None) -> None:
        """Add the file of a CA bundle, where there is one."""
        if bundle is None:
            return
        items = [{"key": bundle.key, "path": "ca.crt"}]
        volume = {"configMap": {"name": bundle.config_map_name, "items": items}}
        self.add(name, path, variable, volume, readOnly=True)
        self.env[variable] = f"{path}/ca.crt"


def mounts_of(spec: SyncLogExportSpec, *, spool_size: str) -> Mounts:
    """What the pods of an export need.

    Args:
        spec: the export.
        spool_size: most bytes that the spool may take, as a Kubernetes quantity.

    Raises:
        ValueError: the spec names no destination or no way of authorisation.
    """
    found = Mounts()
    _add_volume(found, spec.destination)
    found.add("spool", SPOOL, run.ENV_SPOOL_DIR, {"emptyDir": {"sizeLimit": spool_size}})
    secret, keys = _source_secret(spec.source.auth)
    found.add_secret("auth", _AUTH, run.ENV_AUTH_DIR, secret, keys)
    found.add_bundle("ca", _CA, run.ENV_CA_FILE, spec.source.ca_bundle)
    _add_store(found, spec.destination)
    return found


def _add_volume(found: Mounts, destination: Destination) -> None:
    if destination.url is None:
        raise ValueError(
            "spec.destination: set exactly one of persistentVolumeClaim, s3, gcs and azureBlob"
        )
    claim = destination.persistent_volume_claim
    if claim is None:
        return
    volume = {"persistentVolumeClaim": {"claimName": claim.claim_name}}
    folder = {"subPath": claim.sub_path} if claim.sub_path else {}
    found.add("destination", _DESTINATION, run.ENV_DESTINATION_DIR, volume, **folder)


def _add_store(found: Mounts, destination: Destination) -> None:
    wanted = _store_secret(destination)
    if wanted is not None:
        found.add_secret(
            "destination-auth", _DESTINATION_AUTH, run.ENV_DESTINATION_AUTH_DIR, *wanted
        )
    store = destination.s3 or destination.gcs or destination.azure_blob
    if store is not None:
        found.add_bundle(
            "destination-ca", _DESTINATION_CA, run.ENV_DESTINATION_CA_FILE, store.ca_bundle
        )


def _store_secret(destination: Destination) -> tuple[str, list[str]] | None:
    """The Secret that the destination's credentials are in, and the keys that are needed of it."""
    match destination:
        case Destination(s3=S3(credentials=S3Credentials() as key)):
            return key.secret_name, _unique(
                key.access_key_id_key, key.secret_access_key_key, key.session_token_key
            )
        case Destination(gcs=Gcs(credentials=GcsCredentials() as account)):
            return account.secret_name, [account.key]
        case Destination(azure_blob=AzureBlob(credentials=AzureCredentials() as azure)):
            return azure.secret_name, _unique(azure.account_key_key, azure.sas_token_key)
    return None


def _source_secret(auth: Auth) -> tuple[str, list[str]]:
    """The Secret that the source's credentials are in, and the keys that are needed of it."""
    match auth:
        case Auth(api_client=way) if way is not None:
            return way.secret_name, _unique(way.client_id_key, way.client_secret_key)
        case Auth(user_password=user) if user is not None:
            return user.secret_name, _unique(
                user.username_key, user.password_key, user.totp_seed_key
            )
        case Auth(bearer_token=token) if token is not None:
            return token.secret_name, [token.token_key]
    raise ValueError("spec.source.auth: set exactly one of apiClient, userPassword, bearerToken")


def _unique(*keys: str | None) -> list[str]:
    return list(dict.fromkeys(key for key in keys if key is not None))
