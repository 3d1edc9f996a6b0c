"""Stores that the tests run against: those that the environment names, or else our own.

A store that somebody else started is named by SYNCLOG_TEST_*; CONTRIBUTING.md has the list.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.azurite import ACCOUNT, KEY, azurite
from support.gcs import fake_gcs
from support.stores import call, moto
from synclog.api.destination import (
    S3,
    AzureBlob,
    AzureCredentials,
    Destination,
    Gcs,
    GcsCredentials,
    S3Credentials,
)

S3_KEY = {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "the-secret-of-the-key"}


@dataclass(frozen=True)
class Server:
    """A store, and how a destination in it is written down."""

    url: str | None
    """None is the public cloud."""
    secret: Mapping[str, str]
    """The files of the Secret."""
    spec: Callable[[str | None, str], Destination]
    """A destination by the URL at which the store is reached, and its prefix."""
    environ: Callable[[str | None], Mapping[str, str | None]]
    """What a person exports to reach it at that URL."""
    ours: bool = field(default=False, kw_only=True)
    """It was started for the tests alone."""

    def mount(self, folder: Path) -> Path:
        """Write the Secret to a folder, as a pod finds it."""
        for name, value in self.secret.items():
            (folder / name).write_text(value)
        return folder

    @property
    def path(self) -> str:
        """What follows the host in the URL."""
        return urlsplit(self.url or "").path.rstrip("/")


@contextmanager
def s3_server() -> Iterator[Server]:
    """The S3 store of SYNCLOG_TEST_S3_BUCKET, or moto."""
    bucket = os.environ.get("SYNCLOG_TEST_S3_BUCKET")
    if bucket:
        secret = {
            "accessKeyId": os.environ["AWS_ACCESS_KEY_ID"],
            "secretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"],
        }
        if token := os.environ.get("AWS_SESSION_TOKEN"):
            secret["sessionToken"] = token
        region = os.environ.get("SYNCLOG_TEST_S3_REGION", "us-east-1")
        yield s3(os.environ.get("SYNCLOG_TEST_S3_ENDPOINT"), bucket, region, secret)
        return
    with moto() as url:
        assert call(url, "PUT", "/archive").status == 200
        yield s3(url, "archive", "us-east-1", S3_KEY, ours=True)


def s3(
    url: str | None, bucket: str, region: str, secret: Mapping[str, str], *, ours: bool = False
) -> Server:
    """A store that speaks S3."""
    names = S3Credentials(
        secret_name="s", session_token_key="sessionToken" if "sessionToken" in secret else None
    )
    return Server(
        url,
        secret,
        lambda at, prefix: Destination(
            s3=S3(
                bucket=bucket,
                prefix=prefix,
                region=region,
                endpoint=at,
                allow_http=_plain(at),
                credentials=names,
            )
        ),
        lambda at: {
            "AWS_ACCESS_KEY_ID": secret["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": secret["secretAccessKey"],
            "AWS_SESSION_TOKEN": secret.get("sessionToken"),
            "AWS_REGION": region,
            "AWS_ENDPOINT_URL": at,
            "AWS_ALLOW_HTTP": "true" if _plain(at) else None,
        },
        ours=ours,
    )


@contextmanager
def gcs_server() -> Iterator[Server]:
    """The store of SYNCLOG_TEST_GCS_BUCKET, or a fake of Google's."""
    bucket = os.environ.get("SYNCLOG_TEST_GCS_BUCKET")
    if bucket:
        path = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        key = Path(path).read_text() if path else gcs_key()
        yield gcs(os.environ.get("SYNCLOG_TEST_GCS_ENDPOINT"), bucket, key)
        return
    with fake_gcs("archive") as url:
        yield gcs(url, "archive", gcs_key(), ours=True)


def gcs(url: str | None, bucket: str, key: str, *, ours: bool = False) -> Server:
    """A store that speaks the XML API of Google Cloud Storage."""
    return Server(
        url,
        {"key.json": key},
        lambda at, prefix: Destination(
            gcs=Gcs(
                bucket=bucket,
                prefix=prefix,
                endpoint=at,
                allow_http=_plain(at),
                credentials=GcsCredentials(secret_name="s"),
            )
        ),
        lambda at: {
            "GOOGLE_BASE_URL": at,
            "GOOGLE_SERVICE_ACCOUNT_KEY": key,
            "GOOGLE_ALLOW_HTTP": "true" if _plain(at) else None,
        },
        ours=ours,
    )


def gcs_key() -> str:
    """The key of a service account. It signs by itself, so nobody else is asked."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    account = {"client_email": "exporter@acme.example", "private_key_id": "1"}
    return json.dumps(account | {"private_key": key.decode()})


@contextmanager
def azure_server(folder: Path) -> Iterator[Server]:
    """The store of SYNCLOG_TEST_AZURE_CONTAINER, or Azurite, which keeps its data in a folder."""
    container = os.environ.get("SYNCLOG_TEST_AZURE_CONTAINER")
    if container:
        kinds = {"accountKey": "AZURE_STORAGE_ACCOUNT_KEY", "sasToken": "AZURE_STORAGE_SAS_KEY"}
        secret = {key: os.environ[name] for key, name in kinds.items() if name in os.environ}
        account = os.environ["SYNCLOG_TEST_AZURE_ACCOUNT"]
        yield azure(os.environ.get("SYNCLOG_TEST_AZURE_ENDPOINT"), account, container, secret)
        return
    with azurite(folder, "archive") as url:
        yield azure(url, ACCOUNT, "archive", {"accountKey": KEY}, ours=True)


def azure(
    url: str | None, account: str, container: str, secret: Mapping[str, str], *, ours: bool = False
) -> Server:
    """A store that speaks the API of Azure Blob Storage."""
    names = AzureCredentials(
        secret_name="s",
        account_key_key="accountKey" if "accountKey" in secret else None,
        sas_token_key=None if "accountKey" in secret else "sasToken",
    )
    return Server(
        url,
        secret,
        lambda at, prefix: Destination(
            azure_blob=AzureBlob(
                account=account,
                container=container,
                prefix=prefix,
                endpoint=at,
                allow_http=_plain(at),
                credentials=names,
            )
        ),
        lambda at: {
            "AZURE_STORAGE_ENDPOINT": at,
            "AZURE_STORAGE_ACCOUNT_KEY": secret.get("accountKey"),
            "AZURE_STORAGE_SAS_KEY": secret.get("sasToken"),
            "AZURE_ALLOW_HTTP": "true" if _plain(at) else None,
        },
        ours=ours,
    )


def _plain(url: str | None) -> bool:
    return url is not None and url.startswith("http://")
