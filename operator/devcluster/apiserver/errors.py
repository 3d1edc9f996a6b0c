"""Every refusal is an :class:`ApiError`: a ``Status`` object with Kubernetes' own wording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with one field.

    Attributes:
        field: Path such as ``spec.range`` or ``spec.tolerations[0].key``.
        reason: ``FieldValueInvalid``, ``FieldValueRequired``, ...
        message: The text after the field in the message that people read.
    """

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def _shown(value: object) -> str:
    """A value as Kubernetes prints it inside a message."""
    return msgspec.json.encode(value).decode()


def invalid_value(field: str, value: object, detail: str) -> Cause:
    """The value is of the right type and not allowed."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}")


def type_invalid(field: str, found: str, detail: str) -> Cause:
    """The value has another type than the schema says."""
    return Cause(field, "FieldValueTypeInvalid", f"Invalid value: {_shown(found)}: {detail}")


def invalid_whole(field: str, detail: str) -> Cause:
    """A part of the object is not allowed as it is; its value says nothing."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {detail}")


def required(field: str, detail: str = "") -> Cause:
    """A field is missing that must be there."""
    return Cause(field, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def not_supported(field: str, value: object, supported: Sequence[object]) -> Cause:
    """The value is none of an enumeration."""
    values = ", ".join(_shown(item) for item in supported)
    return Cause(
        field,
        "FieldValueNotSupported",
        f"Unsupported value: {_shown(value)}: supported values: {values}",
    )


def duplicate(field: str, value: object) -> Cause:
    """Two entries of a list that is a map or a set are the same."""
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def too_long(field: str, limit: int) -> Cause:
    """A string is longer than allowed."""
    return Cause(field, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def too_many(field: str, count: int, limit: int) -> Cause:
    """A list or map has more entries than allowed."""
    return Cause(field, "FieldValueTooMany", f"Too many: {count}: must have at most {limit} items")


def forbidden_field(field: str, detail: str) -> Cause:
    """The field may not be set here."""
    return Cause(field, "FieldValueForbidden", f"Forbidden: {detail}")


class ApiError(Exception):
    """A request is refused; carries the ``Status`` that says why.

    Attributes:
        code: HTTP status code.
        reason: Kubernetes' machine-readable reason, such as ``NotFound``.
        retry_after: Seconds for the ``Retry-After`` header, or None.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        if retry_after is not None:
            self.details = {**(details or {}), "retryAfterSeconds": retry_after}

    def status(self) -> dict[str, Any]:
        """The ``Status`` object of the answer's body."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def qualified(resource: str, group: str) -> str:
    """``jobs.batch``, or ``pods`` in the core group."""
    return f"{resource}.{group}" if group else resource


def _named(resource: str, group: str, name: str, **more: Any) -> dict[str, Any]:
    named = {"name": name} if name else {}
    return named | ({"group": group} if group else {}) | {"kind": resource} | more


def not_found(resource: str, group: str, name: str) -> ApiError:
    """No object has this name."""
    return ApiError(
        404,
        "NotFound",
        f'{qualified(resource, group)} "{name}" not found',
        details=_named(resource, group, name),
    )


class NoSuchPathError(Exception):
    """Nothing is served at this path; answered in plain text, as Kubernetes does."""


def no_such_resource() -> ApiError:
    """The resource has no such subresource."""
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", message, details={})


def already_exists(resource: str, group: str, name: str) -> ApiError:
    """Create of an object whose name is taken."""
    return ApiError(
        409,
        "AlreadyExists",
        f'{qualified(resource, group)} "{name}" already exists',
        details=_named(resource, group, name),
    )


STALE = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def conflict(resource: str, group: str, name: str, why: str = STALE) -> ApiError:
    """A write that was made for another state of the object."""
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
        details=_named(resource, group, name),
    )


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """The object is understood and not valid; every cause is listed."""
    texts = list(dict.fromkeys(str(cause) for cause in causes))
    summary = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return ApiError(
        422,
        "Invalid",
        f'{qualified(kind, group)} "{name}" is invalid: {summary}',
        details=_named(
            kind,
            group,
            name,
            causes=[
                {"reason": cause.reason, "message": cause.message, "field": cause.field}
                for cause in causes
            ],
        ),
    )


def bad_request(message: str) -> ApiError:
    """The request cannot be read."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """The token is unknown or expired."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, group: str, name: str, why: str) -> ApiError:
    """An admission rule or RBAC refuses the request."""
    subject = f'{qualified(resource, group)} "{name}" is' if name else qualified(resource, group)
    verb = "" if name else " is"
    return ApiError(
        403,
        "Forbidden",
        f"{subject}{verb} forbidden: {why}",
        details=_named(resource, group, name),
    )


def expired(message: str) -> ApiError:
    """A resourceVersion or continue token that history does not reach back to."""
    return ApiError(410, "Expired", message)


def method_not_allowed() -> ApiError:
    """The resource does not offer this verb."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, details={})


def not_acceptable(offered: Sequence[str]) -> ApiError:
    """No media type that the client accepts can be produced."""
    return ApiError(
        406,
        "NotAcceptable",
        "only the following media types are accepted: " + ", ".join(offered),
    )


def unsupported_media(offered: Sequence[str]) -> ApiError:
    """The body is of a media type that this path does not read."""
    return ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(offered),
    )


def too_many_requests(message: str, retry_after: int) -> ApiError:
    """The client should come back later."""
    return ApiError(429, "TooManyRequests", message, retry_after=retry_after)


def internal(message: str) -> ApiError:
    """Something in the server went wrong."""
    return ApiError(500, "InternalError", f"Internal error occurred: {message}")
