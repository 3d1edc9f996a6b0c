"""What a storage library makes no sense of is an error with a sentence, and quotes no secret."""

import pytest
from obstore.exceptions import InvalidPathError, PermissionDeniedError

from synclog.api.destination import (
    S3,
    AzureBlob,
    AzureCredentials,
    Destination,
    S3Credentials,
)
from synclog.api.run import ExitCode
from synclog.exporter.destination import destination_at, destination_of
from synclog.exporter.destination.failures import Act, Place, failure
from synclog.exporter.errors import ConfigurationError

SECRET = "hunter2"
NO_CERTIFICATE = f"-----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE-----\n"


def refused(reason, act):
    """What is said where something is refused for this reason."""
    with pytest.raises(ConfigurationError) as caught:
        act()
    assert caught.value.reason == reason
    assert SECRET not in caught.value.message
    assert caught.value.__cause__ is None
    return caught.value.message


@pytest.mark.parametrize("key", [f"AKIA\n{SECRET}", f"AKIA\r{SECRET}", f"AKIA\0{SECRET}"])
def test_a_key_of_which_no_header_can_be_made(tmp_path, key):
    (tmp_path / "accessKeyId").write_bytes(key.encode())
    (tmp_path / "secretAccessKey").write_text(SECRET)
    spec = S3(
        bucket="archive",
        endpoint="http://127.0.0.1:1",
        allow_http=True,
        credentials=S3Credentials(secret_name="s"),
    )
    bucket = destination_of(Destination(s3=spec), auth=tmp_path, ca_file=None)
    refused("CredentialsUnreadable", bucket.probe)
    refused("CredentialsUnreadable", lambda: bucket.read("a"))


def test_an_account_key_that_is_none(tmp_path):
    (tmp_path / "accountKey").write_text(f"AccountName=x;AccountKey={SECRET}")
    names = AzureCredentials(secret_name="s", account_key_key="accountKey")
    spec = Destination(
        azure_blob=AzureBlob(account="account", container="archive", credentials=names)
    )
    refused("CredentialsUnreadable", lambda: destination_of(spec, auth=tmp_path, ca_file=None))


def test_a_bundle_that_holds_no_certificate(tmp_path):
    file = tmp_path / "ca.crt"
    file.write_text(NO_CERTIFICATE)
    spec = Destination(s3=S3(bucket="archive"))
    refused("InvalidCaBundle", lambda: destination_of(spec, auth=tmp_path, ca_file=file))


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("AZURE_STORAGE_ACCOUNT_KEY", SECRET + "!", "azure://account/archive"),
        ("AZURE_STORAGE_SAS_KEY", SECRET, "azure://account/archive"),
        ("AZURE_STORAGE_ENDPOINT", "no URL", "azure://account/archive"),
        ("AWS_SERVER_SIDE_ENCRYPTION", SECRET, "s3://archive/prefix"),
        ("AWS_SKIP_SIGNATURE", SECRET, "s3://archive/prefix"),
        ("GOOGLE_SKIP_SIGNATURE", SECRET, "gs://archive/prefix"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", SECRET, "gs://archive/prefix"),
    ],
)
def test_variables_that_make_no_sense(monkeypatch, variable, value, place):
    monkeypatch.setenv(variable, value)
    told = refused("DestinationMisconfigured", lambda: destination_at(place))
    assert variable in told


def test_an_endpoint_that_is_no_url(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    refused("CredentialsUnreadable", lambda: destination_at("s3://archive/prefix").read("a"))


@pytest.mark.parametrize(
    "place",
    [
        f"https://account.blob.core.windows.net/archive?sv=2023-11-03&sig={SECRET}",
        f"azure://account/archive/prefix?sig=a@{SECRET}",
        f"s3://AKIA:a?{SECRET}@archive",
        f"https://account.blob.core.windows.net/archive#{SECRET}",
    ],
)
def test_a_link_with_a_secret_is_not_repeated(place):
    refused("NoDestination", lambda: destination_at(place))


def test_a_name_that_cannot_be_listed_is_told():
    error = failure(InvalidPathError("a//b"), Act.LIST, Place("s3://archive/", "bucket", {}))
    assert (error.reason, error.exit_code) == ("DestinationFailed", ExitCode.DESTINATION)
    assert "such as a//b" in error.message


def test_a_sas_token_that_is_over_has_expired():
    answer = (
        "status code: 403 Forbidden, body: <Error><Code>AuthenticationFailed</Code>"
        "<AuthenticationErrorDetail>Signature not valid in the specified time frame: Start [..] - "
        "Expiry [..] - Current [..]</AuthenticationErrorDetail></Error>"
    )
    error = failure(PermissionDeniedError(answer), Act.READ, Place("azure://a/c/", "c", {}))
    assert (error.reason, error.exit_code) == ("CredentialsExpired", ExitCode.AUTHORISATION)
