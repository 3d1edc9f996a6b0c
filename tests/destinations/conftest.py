"""Destinations to test, each in a prefix of its own: a volume, and stores behind the proxy."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.azurite import ACCOUNT, KEY, MISSING, azurite
from support.gcs import fake_gcs
from support.stores import Proxy, call, moto, proxied
from synclog.api.destination import (
    S3,
    AzureBlob,
    AzureCredentials,
    Gcs,
    GcsCredentials,
    S3Credentials,
)
from synclog.api.destination import Destination as DestinationSpec
from synclog.exporter.destination import Destination, Volume, destination_of
from synclog.exporter.destination import objects as objects_module

ACCESS_KEY = {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "the-secret-of-the-key"}
_numbers = itertools.count()


@dataclass
class Store:
    """A store behind the proxy, and a destination in it that nobody else uses."""

    proxy: Proxy
    spec: DestinationSpec
    auth: Path
    environ: dict[str, str]
    """What a person exports to reach it."""

    def open(self) -> Destination:
        return destination_of(self.spec, auth=self.auth, ca_file=None)


@pytest.fixture(autouse=True)
def _patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits as short as the machine allows."""
    backoff = objects_module.RETRIES["backoff"]
    tick = type(backoff["init_backoff"])(milliseconds=1)
    monkeypatch.setitem(backoff, "init_backoff", tick)
    monkeypatch.setitem(backoff, "max_backoff", tick)
    monkeypatch.setitem(objects_module.RETRIES, "max_retries", 2)
    monkeypatch.setattr(objects_module, "_PAUSES", (0.0, 0.0))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with moto() as url:
        assert call(url, "PUT", "/archive").status == 200
        yield url


@pytest.fixture
def s3_store(s3_server: str, tmp_path: Path) -> Iterator[Store]:
    auth = tmp_path / "auth"
    auth.mkdir()
    for name, value in ACCESS_KEY.items():
        (auth / name).write_text(value)
    with proxied(s3_server) as proxy:
        spec = DestinationSpec(
            s3=S3(
                bucket="archive",
                prefix=f"synclog/{next(_numbers)}",
                region="us-east-1",
                endpoint=proxy.url,
                allow_http=True,
                credentials=S3Credentials(secret_name="s"),
            )
        )
        environ = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": ACCESS_KEY["secretAccessKey"],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ALLOW_HTTP": "true",
        }
        yield Store(proxy, spec, auth, environ)


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[str]:
    with fake_gcs("archive") as url:
        yield url


@pytest.fixture(scope="session")
def gcs_key() -> str:
    """The key of a service account. It signs by itself, so nobody else is asked."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    account = {"client_email": "exporter@acme.example", "private_key_id": "1"}
    return json.dumps(account | {"private_key": key.decode()})


@pytest.fixture
def gcs_store(gcs_server: str, gcs_key: str, tmp_path: Path) -> Iterator[Store]:
    auth = tmp_path / "auth"
    auth.mkdir()
    (auth / "key.json").write_text(gcs_key)
    with proxied(gcs_server) as proxy:
        spec = DestinationSpec(
            gcs=Gcs(
                bucket="archive",
                prefix=f"synclog/{next(_numbers)}",
                endpoint=proxy.url,
                allow_http=True,
                credentials=GcsCredentials(secret_name="s"),
            )
        )
        environ = {
            "GOOGLE_BASE_URL": proxy.url,
            "GOOGLE_SERVICE_ACCOUNT_KEY": gcs_key,
            "GOOGLE_ALLOW_HTTP": "true",
        }
        yield Store(proxy, spec, auth, environ)


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite"), "archive") as url:
        yield url


@pytest.fixture
def azure_store(azure_server: str, tmp_path: Path) -> Iterator[Store]:
    auth = tmp_path / "auth"
    auth.mkdir()
    (auth / "accountKey").write_text(KEY)
    with proxied(azure_server) as proxy:
        endpoint = f"{proxy.url}/{ACCOUNT}"
        spec = DestinationSpec(
            azure_blob=AzureBlob(
                account=ACCOUNT,
                container="archive",
                prefix=f"synclog/{next(_numbers)}",
                endpoint=endpoint,
                allow_http=True,
                credentials=AzureCredentials(secret_name="s", account_key_key="accountKey"),
            )
        )
        environ = {
            "AZURE_STORAGE_ENDPOINT": endpoint,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_ALLOW_HTTP": "true",
        }
        yield Store(proxy, spec, auth, environ)


AZURE = pytest.param(
    "azure", marks=pytest.mark.skipif(MISSING, reason="Azurite is not installed: `make azurite`")
)


@pytest.fixture(params=["s3", "gcs", AZURE])
def store(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture(params=["volume", "s3", "gcs", AZURE])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Destination]:
    """Opens one destination again and again."""
    if request.param == "volume":
        root = tmp_path / "volume"
        root.mkdir()
        return lambda: Volume(root)
    return request.getfixturevalue(f"{request.param}_store").open


@pytest.fixture
def destination(opened: Callable[[], Destination]) -> Destination:
    return opened()
