"""What the fields of a destination become in the requests that a store sees."""

from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta

import obstore
import pytest
from msgspec.structs import replace

from support.stores import call, refusal
from synclog.api.destination import (
    S3,
    AzureCredentials,
    Gcs,
    GcsCredentials,
    S3Credentials,
    S3Encryption,
    S3EncryptionType,
)
from synclog.api.destination import Destination as DestinationSpec
from synclog.exporter.destination import destination_at, destination_of
from synclog.exporter.destination.azure import MountedCredential
from synclog.exporter.destination.failures import Act, Place, failure
from synclog.exporter.destination.s3 import MountedKey, _config
from synclog.exporter.errors import AuthorisationError, ConfigurationError, DestinationError

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def sent(store):
    return {name.lower(): value for name, value in store.proxy.requests[-1].headers.items()}


def with_s3(store, **fields):
    spec = DestinationSpec(s3=replace(store.spec.s3, **fields))
    return destination_of(spec, auth=store.auth, ca_file=None)


def test_every_object_carries_a_checksum_that_the_store_checks(s3_store):
    s3_store.open().create("x", b"1")
    assert sent(s3_store)["x-amz-checksum-sha256"] == "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s="


@pytest.mark.parametrize(
    ("encryption", "headers"),
    [
        (S3Encryption(type=S3EncryptionType.S3), {"x-amz-server-side-encryption": "AES256"}),
        (
            S3Encryption(type=S3EncryptionType.KMS, kms_key_id="alias/archive"),
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "alias/archive",
            },
        ),
    ],
)
def test_encryption_is_asked_for_with_every_object(s3_store, encryption, headers):
    with_s3(s3_store, server_side_encryption=encryption).create("x", b"1")
    assert headers.items() <= sent(s3_store).items()


def test_without_encryption_the_bucket_decides(s3_store):
    s3_store.open().create("x", b"1")
    assert not [name for name in sent(s3_store) if "encryption" in name]


@pytest.mark.parametrize(
    ("spec", "in_host", "endpoint"),
    [
        (S3(bucket="archive"), True, None),
        (S3(bucket="archive.acme.com"), False, None),
        (S3(bucket="archive", force_path_style=True), False, None),
        (S3(bucket="archive", endpoint="https://minio:9000"), False, "https://minio:9000"),
        (
            S3(bucket="archive", endpoint="https://minio:9000", force_path_style=False),
            True,
            "https://archive.minio:9000",
        ),
    ],
)
def test_where_the_bucket_is_named(spec, in_host, endpoint):
    config = _config(spec)
    assert config["virtual_hosted_style_request"] is in_host
    assert config.get("endpoint") == endpoint


def test_a_key_that_is_renewed_in_the_cluster_is_renewed_in_the_run(tmp_path):
    for name in ("accessKeyId", "secretAccessKey", "token"):
        (tmp_path / name).write_text("old\n")
    key = MountedKey(
        S3Credentials(secret_name="s", session_token_key="token"), tmp_path, lambda: NOW
    )
    assert key()["token"] == "old"
    (tmp_path / "token").write_text("new\n")
    assert key()["token"] == "new"
    assert timedelta(0) < key()["expires_at"] - NOW <= timedelta(minutes=10)


def test_a_credential_of_azure_is_read_anew_as_well(tmp_path):
    (tmp_path / "sas").write_text("?sp=rcl&sig=old\n")
    names = AzureCredentials(secret_name="s", sas_token_key="sas")
    credential = MountedCredential(names, tmp_path, lambda: NOW)
    assert credential()["sas_token"] == "sp=rcl&sig=old"
    (tmp_path / "sas").write_text("sp=rcl&sig=new")
    assert credential()["sas_token"] == "sp=rcl&sig=new"


def test_credentials_that_vanish_in_the_middle_are_an_authorisation_error(s3_store, monkeypatch):
    monkeypatch.setattr(
        "synclog.exporter.destination.s3.READ_AGAIN", timedelta(seconds=-1)
    )  # every request asks for them
    destination = s3_store.open()
    destination.create("x", b"1")
    (s3_store.auth / "secretAccessKey").unlink()
    with pytest.raises(AuthorisationError) as caught:
        destination.create("y", b"1")
    assert caught.value.reason == "NoCredentials"


def test_credentials_that_expire_in_the_middle_end_the_run(s3_store):
    destination = s3_store.open()
    destination.create("x", b"1")
    s3_store.proxy.fault(refusal(400, "ExpiredToken"))
    with pytest.raises(AuthorisationError, match="renew them"):
        destination.create("y", b"1")


def test_a_key_of_google_that_is_none_is_not_quoted(tmp_path):
    (tmp_path / "key.json").write_text('{"private_key": "hunter2"')
    spec = DestinationSpec(gcs=Gcs(bucket="archive", credentials=GcsCredentials(secret_name="s")))
    with pytest.raises(ConfigurationError) as caught:
        destination_of(spec, auth=tmp_path, ca_file=None)
    assert caught.value.reason == "CredentialsUnreadable"
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_bundle_that_holds_nothing_is_refused(s3_store, tmp_path, content):
    bundle = tmp_path / "ca.crt"
    bundle.write_text(content)
    with pytest.raises(ConfigurationError, match="no certificate in PEM form"):
        destination_of(s3_store.spec, auth=s3_store.auth, ca_file=bundle)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        destination_of(s3_store.spec, auth=s3_store.auth, ca_file=tmp_path / "missing")


@pytest.mark.parametrize("url", ["ftp://a/b", "s3://", "azure://account", "gs:///prefix"])
def test_what_is_no_destination_is_told_what_to_write(url):
    with pytest.raises(ConfigurationError, match="s3://BUCKET/PREFIX"):
        destination_at(url)


def test_a_spec_without_a_destination_is_told_what_to_write(tmp_path):
    with pytest.raises(ConfigurationError, match="--destination DIR"):
        destination_of(DestinationSpec(), auth=tmp_path, ca_file=None)


@pytest.mark.parametrize(
    "host", ["169.254.169.254/latest/api", "metadata.google.internal/computeMetadata"]
)
def test_who_has_no_credentials_is_told_so(host):
    """The library then asks the node's metadata service, which is often out of reach."""
    error = OSError(
        f"Generic error: Error performing PUT http://{host}/token - 403 Forbidden\nmore"
    )
    place = Place("s3://archive/x", "bucket archive", dict.fromkeys(Act, "everything"))
    found = failure(error, Act.READ, place)
    assert isinstance(found, AuthorisationError)
    assert found.reason == "NoCredentials"


def test_a_missing_bucket_is_told_by_the_store(store):
    """Not by a fault: the real answer of each server."""
    specs = {
        name: replace(spec, **{holder: "missing-one"})
        for name, holder in (("s3", "bucket"), ("gcs", "bucket"), ("azure_blob", "container"))
        if (spec := getattr(store.spec, name)) is not None
    }
    destination = destination_of(DestinationSpec(**specs), auth=store.auth, ca_file=None)
    for act in (
        lambda: destination.create("x", b"1"),
        lambda: destination.read("x"),
        lambda: list(destination.files()),
        destination.probe,
    ):
        with pytest.raises(ConfigurationError) as caught:
            act()
        assert caught.value.reason == "BucketMissing"
        assert "missing-one" in caught.value.message


def test_a_bucket_with_object_lock_takes_objects_once(s3_store, s3_server):
    """A default retention makes the store insist on checksums, and keep every version."""
    made = call(s3_server, "PUT", "/locked", {"x-amz-bucket-object-lock-enabled": "true"})
    assert made.status in {200, 409}
    rule = (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
        b"<DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
        b"</ObjectLockConfiguration>"
    )
    assert call(s3_server, "PUT", "/locked?object-lock", body=rule).status == 200

    def with_sdk_header(request, forward):
        # S3 wants a checksum header or the SDKs' header that names it; moto knows only the latter.
        checksum = any(name.lower() == "x-amz-checksum-sha256" for name in request.headers)
        added = {"x-amz-sdk-checksum-algorithm": "SHA256"} if checksum else {}
        return forward(replaced(request, headers=request.headers | added))

    s3_store.proxy.fault(with_sdk_header, times=20)
    destination = with_s3(s3_store, bucket="locked")
    destination.probe()
    versions = []
    for data, created in ((b"one", True), (b"two", False)):
        assert destination.create("entry", data) is created
        versions.append(obstore.head(destination._store, "entry")["version"])
    assert destination.read("entry") == b"one"
    assert versions[0], "the bucket keeps versions"
    assert len(set(versions)) == 1, "no second version was made"


def test_trouble_says_which_store(store):
    store.proxy.fault(refusal(500, "InternalError"), times=20)
    with pytest.raises(DestinationError, match=str(store.open())):
        store.open().create("x", b"1")
