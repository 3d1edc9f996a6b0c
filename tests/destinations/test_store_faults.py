"""What stores refuse, break and lose, and what the exporter makes of it."""

from dataclasses import replace
from email.utils import formatdate

import pytest

from support.stores import Answer, careless, lost_answer, refusal, reset
from synclog.exporter.destination import PROBE
from synclog.exporter.errors import AuthorisationError, ConfigurationError, DestinationError

TROUBLE = [
    (503, "SlowDown", DestinationError, "DestinationBusy"),
    (500, "InternalError", DestinationError, "DestinationFailed"),
    (507, "XMinioStorageFull", DestinationError, "DestinationFull"),
    (403, "AccessDenied", AuthorisationError, "DestinationDenied"),
    (403, "InvalidAccessKeyId", AuthorisationError, "CredentialsRefused"),
    (403, "SignatureDoesNotMatch", AuthorisationError, "CredentialsRefused"),
    (401, "Unauthorized", AuthorisationError, "CredentialsRefused"),
    (400, "ExpiredToken", AuthorisationError, "CredentialsExpired"),
    (404, "NoSuchBucket", ConfigurationError, "BucketMissing"),
    (400, "AuthorizationHeaderMalformed", ConfigurationError, "WrongRegion"),
    (400, "KMS.DisabledException", ConfigurationError, "EncryptionKeyUnusable"),
    (400, "KMS.ThrottlingException", DestinationError, "DestinationBusy"),
    (403, "RequestTimeTooSkewed", DestinationError, "DestinationClockDisagreement"),
    (403, "InvalidObjectState", DestinationError, "DestinationArchived"),
    (501, "NotImplemented", ConfigurationError, "CreateOnlyUnsupported"),
    (400, "InvalidRequest", DestinationError, "DestinationFailed"),
]


@pytest.mark.parametrize(("status", "code", "kind", "reason"), TROUBLE)
@pytest.mark.parametrize(
    ("method", "act"),
    [
        ("PUT", lambda destination: destination.create("x", b"1")),
        ("GET", lambda destination: destination.read("x")),
        ("GET", lambda destination: list(destination.blocks("x"))),
        ("GET", lambda destination: list(destination.files())),
    ],
    ids=["create", "read", "blocks", "list"],
)
def test_refusals_are_named_and_quote_nothing(store, method, act, status, code, kind, reason):
    store.proxy.fault(refusal(status, code), method=method, times=20)
    with pytest.raises(kind) as caught:
        act(store.open())
    assert caught.value.reason == reason
    assert str(store.open()) in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None


def told(status, text):
    body = f"<Error>{text}</Error>".encode()
    return lambda _request, _forward: Answer(status, {"Content-Type": "application/xml"}, body)


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (
            403,
            "<Code>AuthenticationFailed</Code><Detail>Request date header too old: 'x'</Detail>",
            "DestinationClockDisagreement",
        ),
        (409, "<Code>BlobArchived</Code>", "DestinationArchived"),
    ],
)
def test_what_azure_says_in_its_own_way(azure_store, status, text, reason):
    azure_store.proxy.fault(told(status, text), method="GET")
    with pytest.raises(DestinationError) as caught:
        azure_store.open().read("x")
    assert caught.value.reason == reason


GRANTS = {
    "s3": ("s3:PutObject on arn:aws:s3:::", "s3:GetObject on", "s3:ListBucket on"),
    "gs": ("storage.objects.create", "storage.objects.get", "storage.objects.list"),
    "azure": ("blobs/add/action", "SAS: r", "SAS: l"),
}


def test_what_is_to_be_granted_is_named(store):
    acts = (
        ("PUT", lambda destination: destination.create("x", b"1")),
        ("GET", lambda destination: destination.read("x")),
        ("GET", lambda destination: list(destination.files())),
    )
    grants = GRANTS[str(store.open()).partition(":")[0]]
    for (method, act), grant in zip(acts, grants, strict=True):
        store.proxy.fault(refusal(403, "AccessDenied"), method=method)
        with pytest.raises(AuthorisationError, match=grant):
            act(store.open())


@pytest.mark.parametrize("fault", [refusal(503, "SlowDown"), refusal(500, "InternalError"), reset])
@pytest.mark.parametrize(
    ("method", "act", "wanted"),
    [
        ("PUT", lambda destination: destination.create("new", b"1"), True),
        ("GET", lambda destination: destination.read("old"), b"old"),
        ("HEAD", lambda destination: destination.size("old"), 3),
        ("GET", lambda destination: [file.path for file in destination.files()], ["old"]),
    ],
    ids=["create", "read", "size", "list"],
)
def test_passing_trouble_is_waited_for(store, fault, method, act, wanted):
    destination = store.open()
    destination.create("old", b"old")
    store.proxy.fault(fault, method=method, times=2)
    assert act(destination) == wanted
    assert store.proxy.faults == []


def test_a_store_that_stays_away_is_a_failure_of_the_destination(store):
    store.proxy.fault(reset, times=20)
    with pytest.raises(DestinationError) as caught:
        store.open().create("x", b"1")
    assert caught.value.reason == "DestinationUnreachable"
    assert store.open().read("x") is None


@pytest.mark.parametrize("times", [1, 2])
def test_a_creation_whose_answer_was_lost_is_a_success(store, times):
    store.proxy.fault(lost_answer, times=times)
    assert store.open().create("entry", b"mine") is True
    assert store.open().read("entry") == b"mine"


def test_a_creation_whose_answer_was_lost_is_not_mistaken_for_anothers(store):
    store.open().create("entry", b"theirs")
    store.proxy.fault(lost_answer)
    assert store.open().create("entry", b"mine") is False


def test_who_may_create_and_not_replace_is_told_what_exists(store):
    """Azure and Google then speak of a missing right, not of the condition."""
    store.open().create("entry", b"theirs")
    store.proxy.fault(refusal(403, "UnauthorizedBlobOverwrite"), times=2)
    assert store.open().create("entry", b"mine") is False
    assert store.open().create("entry", b"theirs") is True
    store.proxy.fault(refusal(403, "AccessDenied"))
    with pytest.raises(AuthorisationError):
        store.open().create("another", b"mine")


def test_a_conflict_that_left_nothing_is_tried_again(store):
    """S3 says 409 while another creation is under way; that one may fail."""
    store.proxy.fault(refusal(409, "ConditionalRequestConflict"), times=2)
    assert store.open().create("entry", b"mine") is True


def test_a_conflict_that_never_ends_is_a_failure(store):
    store.proxy.fault(refusal(409, "ConditionalRequestConflict"), times=20)
    with pytest.raises(DestinationError) as caught:
        store.open().create("entry", b"mine")
    assert caught.value.reason == "DestinationBusy"


def test_the_probe_refuses_a_store_that_ignores_conditions(store):
    store.proxy.fault(careless, times=20)
    if "sasToken" in store.server.secret:
        # The documented token may create and not replace, whatever the store ignores.
        bucket = store.open()
        bucket.probe()
        assert b"replaced?" in (bucket.read(PROBE) or b"")  # the first one is still there
        return
    with pytest.raises(ConfigurationError) as caught:
        store.open().probe()
    assert caught.value.reason == "CreateOnlyUnsupported"


def test_the_probe_wants_to_write_read_and_list(store):
    """A destination that may only be read is refused before the first window."""
    for method, reason in (("PUT", "creating"), ("GET", "reading")):
        store.proxy.fault(refusal(403, "AccessDenied"), method=method)
        with pytest.raises(AuthorisationError, match=reason):
            store.open().probe()
    store.proxy.fault(refusal(403, "AccessDenied"), method="GET", path="prefix=")
    with pytest.raises(AuthorisationError, match="listing"):
        store.open().probe()


@pytest.mark.parametrize("kept", [b"", b"half of i", None])
def test_a_store_that_says_it_has_what_it_has_not_is_found_out(store, kept):
    headers = {"ETag": '"x"', "Last-Modified": formatdate(usegmt=True)}

    def lie(_request, _forward):
        return Answer(201, headers)

    def show(_request, _forward):
        return Answer(200, headers | {"Content-Length": str(len(kept))})

    destination = store.open()
    store.proxy.fault(lie)
    if kept is not None:
        store.proxy.fault(show, method="HEAD")
    with destination.draft() as draft:
        draft.write(b"half of it")
        with pytest.raises(DestinationError) as caught:
            draft.publish("part")
    assert caught.value.reason == "DestinationUnstable"
    assert "part was created" in caught.value.message


def test_the_probe_finds_out_that_the_store_has_something_else(store):
    def something_else(request, forward):
        answer = forward(request)
        body = b"x" * len(answer.body)
        return replace(answer, body=body)

    store.open().probe()
    store.proxy.fault(something_else, method="GET", path=PROBE)
    with pytest.raises(DestinationError, match="does not hold what was written"):
        store.open().probe()


def test_the_probe_creates_one_object_once(store):
    for _ in range(3):
        store.open().probe()
    assert [file.path for file in store.open().files()] == [PROBE]


def test_every_object_is_created_by_one_conditional_request(store):
    destination = store.open()
    with destination.draft() as draft:
        draft.write(b"x" * (6 << 20))  # above the size at which the library would begin uploads
        draft.publish("part")
    assert [request.method for request in store.proxy.requests] == ["PUT", "HEAD"]
    request, _ = store.proxy.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers.get("if-none-match") == "*" or headers.get("x-goog-if-generation-match") == "0"
    assert len(request.body) == 6 << 20
