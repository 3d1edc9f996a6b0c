"""What an object store's refusals mean: the library's exceptions become the exporter's errors.

The library's messages quote answers, which may quote requests. So nothing of them is passed on
but the HTTP status and the store's own code, such as ``NoSuchBucket``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from synclog.exporter.errors import (
    AuthorisationError,
    ConfigurationError,
    DestinationError,
    ExportError,
)

LIBRARY_ERRORS = (BaseError, OSError, ValueError)
"""All that the library raises; OSError and ValueError where Python has a name for it."""

_STATUS = re.compile(r"status code: ([1-5][0-9]{2})")
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
_ENTRA = re.compile(r"AADSTS[0-9]{4,10}")
_METADATA = re.compile(r"169\.254\.|metadata\.google\.internal|\[?fd00:ec2::")
"""Hosts that are only asked for credentials: who asks them was given none."""
_IDENTITY = re.compile(r"Error performing (token request|POST )")
"""Asks a cloud's identity service to take the pod's token. Nothing is ever posted to a store."""

_MISSING = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName", "InvalidResourceName"}
_ELSEWHERE = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_REFUSED = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
    "InvalidIdentityToken",
    "UnrecognizedClientException",
}
_DENIED = {"AccessDenied", "AllAccessDisabled", "AuthorizationFailure", "Forbidden"} | {
    "AuthorizationPermissionMismatch",
    "InsufficientAccountPermissions",
    "UserProjectAccountProblem",
}
_BUSY = {"SlowDown", "ServerBusy", "RequestLimitExceeded", "TooManyRequests", "Throttling"} | {
    "ThrottlingException",
    "KMS.ThrottlingException",
}
_ARCHIVED = {"InvalidObjectState", "BlobArchived"}
_CLOCK = "RequestTimeTooSkewed"
_OLD_DATE = "Request date header too old"
"""How Azure tells the same; its code for it is that of any signature it does not like."""
_OVER = "Signature not valid in the specified time frame"
"""How Azure tells of a SAS token that has expired; with the same code."""
_FULL = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}


class Act(Enum):
    """What was tried, in words that a person reads."""

    CREATE = "creating objects"
    READ = "reading objects"
    LIST = "listing objects"


@dataclass(frozen=True, slots=True)
class Place:
    """An object store as its owner knows it."""

    url: str
    """Such as ``s3://bucket/prefix``; no secret in it."""
    holder: str
    """What holds the objects, such as ``bucket archive``."""
    permissions: dict[Act, str]
    """What has to be granted for each act."""

    def __str__(self) -> str:
        return self.url


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Call the library, which panics where no request can be made of what it was given.

    Args:
        url: the destination for a person; no secret in it.

    Raises:
        ConfigurationError: it panicked. Its own exception would pass by whatever handles errors.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        # Without the cause: it may quote a key.
        raise ConfigurationError(
            "CredentialsUnreadable",
            f"{url}: no request can be made of the credentials and the endpoint: a key holds a "
            "line end or another sign that no key has, or the endpoint is no URL",
        ) from None


def code_of(error: Exception) -> str:
    """The store's own code for an error; empty if it gave none."""
    found = _CODE.search(str(error))
    return found[1] if found else ""


def holder_missing(error: Exception) -> bool:
    """Whether not only an object is missing, but what should hold it."""
    return code_of(error) in _MISSING


def failure(error: Exception, act: Act, place: Place) -> ExportError:
    """The exporter's error for one of the library's."""
    code = code_of(error)
    found = _STATUS.search(str(error))
    status = int(found[1]) if found else 0
    if isinstance(error, InvalidPathError):
        return DestinationError(
            "DestinationFailed",
            f"{place}: {act.value} failed: something there has a name with an empty folder, such "
            "as a//b, or with a folder . or .., which cannot be listed: move it away",
        )
    return (
        _by_clock_or_class(error, code, act, place)
        or _by_identity(error, code, status, place)
        or _misconfigured(error, code, status, place)
        or _unauthorised(error, code, status, act, place)
        or _failed(code, status, act, place)
    )


def _by_clock_or_class(
    error: Exception, code: str, act: Act, place: Place
) -> DestinationError | None:
    """What the status would call a missing right, and no right would help against."""
    if code == _CLOCK or _OLD_DATE in str(error):
        return DestinationError(
            "DestinationClockDisagreement",
            f"{place}: {act.value} is refused ({_CLOCK}): this node's clock differs from the "
            "store's by more than the store allows: set the node's clock (NTP)",
        )
    if code in _ARCHIVED:
        return DestinationError(
            "DestinationArchived",
            f"{place}: {act.value} is refused ({code}): a lifecycle rule moved the object to a "
            "class that cannot be read at once: restore it, or let the rule wait until the last "
            "recheck",
        )
    return None


def _by_identity(error: Exception, code: str, status: int, place: Place) -> ExportError | None:
    """What an identity service says, which is not the store and knows nothing of its rights."""
    asked = str(error).partition("\n")[0]
    if _METADATA.search(asked) or not _IDENTITY.search(asked):
        return None
    known = _ENTRA.search(str(error))
    answered = (known and known[0]) or code or str(status or "no answer")
    # The kubelet renews the token of a pod: an old one is a matter of time.
    passing = code in _EXPIRED | _BUSY or status == 429 or not 400 <= status < 500
    if passing:
        return DestinationError(
            "IdentityUnavailable",
            f"{place}: asking for credentials with the identity of the pod's service account "
            f"failed with {answered}",
        )
    return AuthorisationError(
        "IdentityRefused",
        f"{place}: the identity of the pod's service account is refused ({answered}): correct "
        "what its annotations name, or let the role or application there trust this service "
        "account",
    )


def _misconfigured(
    error: Exception, code: str, status: int, place: Place
) -> ConfigurationError | None:
    if code in _MISSING:
        return ConfigurationError(
            "BucketMissing",
            f"{place}: there is no {place.holder}: create it, or correct spec.destination",
        )
    if code in _ELSEWHERE or status in {301, 307}:
        return ConfigurationError(
            "WrongRegion",
            f"{place}: the {place.holder} is in another region: correct region or endpoint in "
            "spec.destination",
        )
    if code.startswith("KMS.") and code not in _BUSY:
        return ConfigurationError(
            "EncryptionKeyUnusable",
            f"{place}: the key of serverSideEncryption cannot be used ({code}): enable it, or "
            "name another",
        )
    if isinstance(error, NotSupportedError) or code == "NotImplemented" or status == 501:
        return unsupported(place)
    return None


def _unauthorised(
    error: Exception, code: str, status: int, act: Act, place: Place
) -> AuthorisationError | None:
    if code in _EXPIRED or _OVER in str(error):
        return AuthorisationError(
            "CredentialsExpired", f"{place}: the credentials have expired: renew them"
        )
    if code in _REFUSED or status == 401:
        return AuthorisationError(
            "CredentialsRefused",
            f"{place}: the credentials are refused ({code or status}): correct the Secret that "
            "spec.destination names, or the identity of the pod's service account",
        )
    # Statuses of the hosts that give credentials say nothing about the store.
    nobody = _METADATA.search(str(error).partition("\n")[0]) is not None
    if nobody or (isinstance(error, UnauthenticatedError) and not status):
        return AuthorisationError(
            "NoCredentials",
            f"{place}: there are no credentials: name a Secret in spec.destination, or give the "
            "pods an identity with podTemplate.serviceAccountName; by hand, set the variables of "
            "the store's own tools",
        )
    if code in _DENIED or status == 403 or isinstance(error, PermissionDeniedError):
        return AuthorisationError(
            "DestinationDenied",
            f"{place}: {act.value} is denied ({code or status}): grant {place.permissions[act]}",
        )
    return None


def _failed(code: str, status: int, act: Act, place: Place) -> DestinationError:
    answered = f"{act.value} failed with {status or 'no answer'}{code and f' {code}'}"
    if code in _FULL or status == 507:
        return DestinationError(
            "DestinationFull", f"{place}: {answered}: there is no room, raise the quota"
        )
    if code in _BUSY or status in {429, 503}:
        return DestinationError(
            "DestinationBusy", f"{place}: {answered}, again and again: it asks to slow down"
        )
    if not status:
        return DestinationError(
            "DestinationUnreachable",
            f"{place}: {act.value} failed: the store cannot be reached or breaks the connection",
        )
    return DestinationError("DestinationFailed", f"{place}: {answered}")


def unsupported(place: Place) -> ConfigurationError:
    """The refusal of a store that replaces what exists, or refuses to create without that."""
    return ConfigurationError(
        "CreateOnlyUnsupported",
        f"{place}: the store ignores or refuses conditional creation (If-None-Match), so two "
        "exporters could overwrite each other's ledger: use a store that honours it, such as "
        "Amazon S3, Google Cloud Storage, Azure Blob Storage, MinIO or Ceph (there without "
        "versioning of the bucket)",
    )
