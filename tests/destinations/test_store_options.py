"""What the fields of a destination become in the requests that a store sees."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from msgspec.structs import replace

from support.stores import refusal
from synclog.api.destination import (
    S3,
    AccessTier,
    AzureCredentials,
    Gcs,
    GcsCredentials,
    S3Credentials,
    S3Encryption,
    S3EncryptionType,
)
from synclog.api.destination import Destination as DestinationSpec
from synclog.exporter.destination import destination_at, destination_of, secrets
from synclog.exporter.destination.azure import mounted_credential
from synclog.exporter.destination.failures import Act, Place, failure
from synclog.exporter.destination.s3 import _config, mounted_key
from synclog.exporter.errors import AuthorisationError, ConfigurationError, DestinationError


def sent(store):
    """The headers of the last creation."""
    created = [request for request in store.proxy.requests if request.method == "PUT"]
    return {name.lower(): value for name, value in created[-1].headers.items()}


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
    if not s3_store.server.ours:
        pytest.skip("needs a store with keys to encrypt with")
    with_s3(s3_store, server_side_encryption=encryption).create("x", b"1")
    assert headers.items() <= sent(s3_store).items()


def test_without_encryption_the_bucket_decides(s3_store):
    s3_store.open().create("x", b"1")
    assert not [name for name in sent(s3_store) if "encryption" in name]


MARKS = {
    "s3": ({"storage_class": "STANDARD_IA"}, {"x-amz-storage-class": "STANDARD_IA"}),
    "gcs": ({"storage_class": "NEARLINE"}, {"x-goog-storage-class": "NEARLINE"}),
    "azure_blob": ({"access_tier": AccessTier.COOL}, {"x-ms-access-tier": "Cool"}),
}
TAGS = {"team": "identity", "cost centre": "4711 a+b=c"}
TAG_HEADERS = {"s3": "x-amz-tagging", "azure_blob": "x-ms-tags"}


def marked(store, kind, **fields):
    spec = DestinationSpec(**{kind: replace(getattr(store.spec, kind), **fields)})
    return destination_of(spec, auth=store.auth, ca_file=None)


@pytest.fixture
def kind(store):
    return next(kind for kind in MARKS if getattr(store.spec, kind) is not None)


def test_parts_have_the_storage_class_and_the_ledger_has_not(store, kind):
    if not store.server.ours:
        pytest.skip("needs a store with these classes")
    fields, headers = MARKS[kind]
    destination = marked(store, kind, **fields)
    with destination.draft() as draft:
        draft.write(b"1")
        assert draft.publish("part") is True
    assert headers.items() <= sent(store).items()
    assert destination.create("_synclog/ledger/0.json", b"{}") is True
    assert not headers.keys() & sent(store).keys()


def test_every_object_has_the_tags(store, kind):
    if kind not in TAG_HEADERS:
        assert "tags" not in type(getattr(store.spec, kind)).__struct_fields__
        return
    destination = marked(store, kind, tags=TAGS)
    destination.create("entry", b"1")
    assert dict(parse_qsl(sent(store)[TAG_HEADERS[kind]])) == TAGS
    with destination.draft() as draft:
        draft.write(b"1")
        draft.publish("part")
    assert dict(parse_qsl(sent(store)[TAG_HEADERS[kind]])) == TAGS
    store.proxy.fault(refusal(403, "AccessDenied"))
    with pytest.raises(AuthorisationError, match=r"s3:PutObjectTagging|tags/write"):
        destination.create("more", b"1")


def test_without_options_the_store_decides(store):
    store.open().create("x", b"1")
    assert not [name for name in sent(store) if "class" in name or "tag" in name or "tier" in name]


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
    names = S3Credentials(secret_name="s", session_token_key="token")
    assert mounted_key(names, tmp_path)["token"] == "old"
    (tmp_path / "token").write_text("new\n")
    key = mounted_key(names, tmp_path)
    assert key["token"] == "new"
    assert timedelta(0) < key["expires_at"] - datetime.now(UTC) <= timedelta(minutes=10)


def test_a_credential_of_azure_is_read_anew_as_well(tmp_path):
    (tmp_path / "sas").write_text("?sp=rcl&sig=old\n")
    names = AzureCredentials(secret_name="s", sas_token_key="sas")
    assert mounted_credential(names, tmp_path)["sas_token"] == "sp=rcl&sig=old"
    (tmp_path / "sas").write_text("sp=rcl&sig=new")
    assert mounted_credential(names, tmp_path)["sas_token"] == "sp=rcl&sig=new"


def test_credentials_that_vanish_in_the_middle_are_an_authorisation_error(s3_store, monkeypatch):
    # Every request asks for them.
    monkeypatch.setattr(secrets, "READ_AGAIN", timedelta(seconds=-1))
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


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a/b", "s3://", "azure://account", "gs:///prefix", "s3://[bucket/a"),
        *("s3://bucket/a//b", "s3://bucket/../a", "azure://account/container//a"),
        *("s3://bucket/a?versionId=1", "gs://bucket/a#b", "s3://AKIA:hunter2@bucket/a"),
    ],
)
def test_what_is_no_destination_is_told_what_to_write(url):
    with pytest.raises(ConfigurationError, match="s3://BUCKET/PREFIX") as caught:
        destination_at(url)
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("prefix", ["a copy/of May", "größe", "a+b=c/%41", "slash/"])
def test_a_copy_may_be_read_where_no_export_could_write(store, monkeypatch, prefix):
    """Whoever copies an archive names the folder; what counts is inside."""
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    url = f"{store.spec.url}/{prefix}"
    assert destination_at(url).create("year=2026/part", b"1") is True
    opened = destination_at(url)
    assert (opened.read("year=2026/part"), opened.size("year=2026/part")) == (b"1", 1)
    assert [file.path for file in opened.files()] == ["year=2026/part"]


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
    if "sasToken" in store.server.secret:
        pytest.skip("a token of one container says nothing of another")
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


def test_trouble_says_which_store(store):
    store.proxy.fault(refusal(500, "InternalError"), times=20)
    with pytest.raises(DestinationError, match=str(store.open())):
        store.open().create("x", b"1")
