"""What a store tells of what protects the objects in it, and what an entry then says."""

from dataclasses import replace as replaced
from email.message import Message

import obstore
import pytest
from msgspec.structs import replace

from support.stores import call, refusal, reset
from synclog.api.destination import AzureCredentials
from synclog.api.destination import Destination as DestinationSpec
from synclog.exporter.destination import Guarantee, Volume, destination_of
from synclog.exporter.destination.guarantee import AZURE_HEADERS, GCS_HEADERS, S3_HEADERS, told

LOCK = (
    b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
    b"<DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
    b"</ObjectLockConfiguration>"
)
CONDITIONS = {"s3": "if-none-match", "gs": "x-goog-if-generation-match", "azure": "if-none-match"}


@pytest.fixture
def condition(store):
    return CONDITIONS[str(store.open()).partition(":")[0]]


@pytest.fixture(scope="module")
def locked_bucket(s3_server):
    if not s3_server.ours:
        pytest.skip("makes a bucket by requests that are not signed")
    made = call(s3_server.url, "PUT", "/locked", {"x-amz-bucket-object-lock-enabled": "true"})
    assert made.status == 200
    assert call(s3_server.url, "PUT", "/locked?object-lock", body=LOCK).status == 200


@pytest.fixture
def locked(s3_store, locked_bucket):
    """A destination in a bucket with Object Lock and a default retention of one day."""

    def with_sdk_header(request, forward):
        # S3 wants a checksum header or the SDKs' header that names it; moto knows only the latter.
        checksum = any(name.lower() == "x-amz-checksum-sha256" for name in request.headers)
        added = {"x-amz-sdk-checksum-algorithm": "SHA256"} if checksum else {}
        return forward(replaced(request, headers=request.headers | added))

    s3_store.proxy.fault(with_sdk_header, times=20)
    spec = DestinationSpec(s3=replace(s3_store.spec.s3, bucket="locked"))
    return destination_of(spec, auth=s3_store.auth, ca_file=None)


def test_a_bucket_with_object_lock_takes_objects_once(locked):
    """A default retention makes the store insist on checksums, and keep every version."""
    locked.probe()
    versions = []
    for data, created in ((b"one", True), (b"two", False)):
        assert locked.create("entry", data) is created
        versions.append(obstore.head(locked._store, "entry")["version"])
    assert locked.read("entry") == b"one"
    assert versions[0], "the bucket keeps versions"
    assert len(set(versions)) == 1, "no second version was made"


def test_the_retention_of_a_bucket_is_told(locked):
    locked.create("part", b"1")
    found = locked.guarantee("part")
    written = obstore.head(locked._store, "part")["last_modified"]
    assert (found.creation, found.retention) == ("if-none-match", "COMPLIANCE")
    assert found.retain_until[:10] > written.date().isoformat()


def test_what_no_retention_protects_says_so(store, condition):
    destination = store.open()
    destination.create("part", b"1")
    assert destination.guarantee("part") == Guarantee(creation=condition, retention="NotShown")
    assert store.proxy.requests[-1].method == "HEAD"


def test_without_a_part_only_creation_is_told(store, condition):
    assert store.open().guarantee(None) == Guarantee(creation=condition)
    assert store.proxy.requests == []


@pytest.mark.parametrize("fault", [refusal(403, "AccessDenied"), refusal(500, "Oops"), reset])
def test_who_is_not_told_says_so_and_goes_on(store, condition, fault):
    destination = store.open()
    destination.create("part", b"1")
    store.proxy.fault(fault, method="HEAD")
    assert destination.guarantee("part") == Guarantee(creation=condition, retention="Unknown")


def test_a_signed_link_follows_no_redirection(store, condition):
    def elsewhere(request, forward):
        answer = forward(request)
        return replaced(answer, status=307, headers={"Location": f"{store.proxy.url}/elsewhere"})

    destination = store.open()
    destination.create("part", b"1")
    store.proxy.fault(elsewhere, method="HEAD")
    assert destination.guarantee("part") == Guarantee(creation=condition, retention="Unknown")
    assert "elsewhere" not in store.proxy.requests[-1].path


def test_credentials_that_vanish_are_no_error_here(s3_store):
    destination = s3_store.open()
    for file in s3_store.auth.iterdir():
        file.unlink()
    assert destination.guarantee("part").retention == "Unknown"


def test_a_token_of_azure_opens_the_link_by_itself(azure_store):
    """It cannot sign another one. (The emulator refuses this one; the request is what counts.)"""
    (azure_store.auth / "sas").write_text("?sp=rcl&sig=42")
    spec = replace(
        azure_store.spec.azure_blob,
        credentials=AzureCredentials(secret_name="s", sas_token_key="sas"),
    )
    destination = destination_of(
        DestinationSpec(azure_blob=spec), auth=azure_store.auth, ca_file=None
    )
    assert destination.guarantee("year=2026/part.csv").retention == "Unknown"
    (request,) = azure_store.proxy.requests
    assert request.method == "HEAD"
    path = f"/{spec.container}/{spec.prefix}/year=2026/part.csv"
    assert request.path.endswith(f"{path}?sp=rcl&sig=42")
    (azure_store.auth / "sas").unlink()
    assert destination.guarantee("part").retention == "Unknown"


def test_a_volume_only_tells_how_files_are_created(tmp_path):
    assert Volume(tmp_path).guarantee("part") == Guarantee(creation="link", retention="Unknown")


def message(**headers):
    found = Message()
    for name, value in headers.items():
        found[name.replace("_", "-")] = value
    return found


@pytest.mark.parametrize(
    ("headers", "names", "wanted"),
    [
        (
            message(
                X_Amz_Object_Lock_Mode="GOVERNANCE",
                X_Amz_Object_Lock_Retain_Until_Date="2027-01-31T10:00:00.250Z",
                X_Amz_Object_Lock_Legal_Hold="ON",
            ),
            S3_HEADERS,
            ("GOVERNANCE", "2027-01-31T10:00:00.250Z", True),
        ),
        (
            message(
                X_Goog_Object_Lock_Mode="COMPLIANCE",
                X_Goog_Object_Lock_Retain_Until_Date="2027-01-31T10:00:00Z",
            ),
            GCS_HEADERS,
            ("COMPLIANCE", "2027-01-31T10:00:00.000Z", False),
        ),
        (
            message(
                X_Ms_Immutability_Policy_Mode="locked",
                X_Ms_Immutability_Policy_Until_Date="Sun, 31 Jan 2027 10:00:00 GMT",
                X_Ms_Legal_Hold="true",
            ),
            AZURE_HEADERS,
            ("locked", "2027-01-31T10:00:00.000Z", True),
        ),
        (message(X_Ms_Legal_Hold="false"), AZURE_HEADERS, ("NotShown", "", False)),
        (
            message(X_Amz_Object_Lock_Retain_Until_Date="some day"),
            S3_HEADERS,
            ("NotShown", "", False),
        ),
        (
            message(X_Ms_Immutability_Policy_Until_Date="Fri, 31 Dec 9999 23:59:59 -0100"),
            AZURE_HEADERS,
            ("NotShown", "", False),
        ),
    ],
)
def test_each_store_tells_it_in_its_own_words(headers, names, wanted):
    found = told(headers, names)
    assert (found.retention, found.retain_until, found.legal_hold) == wanted
