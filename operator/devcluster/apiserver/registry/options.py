"""What a request asks for besides its object: dry run, strictness, preconditions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devcluster.apiserver.errors import ApiError, invalid, invalid_value, not_supported

_PROPAGATION = ("Foreground", "Background", "Orphan")


@dataclass(slots=True, kw_only=True)
class WriteOptions:
    """Options of a write, and the warnings that it collects.

    Attributes:
        user: Name of the requester.
        validation: ``Ignore``, ``Warn`` or ``Strict``: what happens to unknown fields.
        warnings: Texts for ``Warning`` headers.
    """

    user: str = ""
    dry_run: bool = False
    validation: str = "Warn"
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def from_query(cls, query: Mapping[str, str], user: str, kind: str) -> "WriteOptions":
        """Read the query of a request; ``kind`` names the options in an error.

        Raises:
            ApiError: a value is not known.
        """
        validation = query.get("fieldValidation") or "Warn"
        if validation not in {"Ignore", "Warn", "Strict"}:
            supported = ("", "Ignore", "Strict", "Warn")
            cause = not_supported("fieldValidation", validation, supported)
            raise invalid(kind, "meta.k8s.io", "", [cause])
        dry_run = _dry_run(query.get("dryRun"), kind)
        return cls(user=user, dry_run=dry_run, validation=validation)


def _dry_run(value: str | None, kind: str) -> bool:
    if value not in {None, "", "All"}:
        cause = not_supported("dryRun", [value], ("All",))
        raise invalid(kind, "meta.k8s.io", "", [cause])
    return value == "All"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """``DeleteOptions``, from the body or the query.

    Attributes:
        grace_period: Seconds, or None for the kind's default.
        propagation: ``Orphan``, ``Background``, ``Foreground``, or None for the kind's default.
        uid: The object must have this uid.
        resource_version: The object must have this resourceVersion.
    """

    dry_run: bool = False
    grace_period: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None

    @classmethod
    def read(cls, query: Mapping[str, str], body: Mapping[str, Any] | None) -> "DeleteOptions":
        """Read the body if there is one, else the query: never both.

        Raises:
            ApiError: a value is not known.
        """
        told: Mapping[str, Any] = query if body is None else body
        propagation = told.get("propagationPolicy")
        if propagation is not None and propagation not in _PROPAGATION:
            raise _unsupported_policy(propagation)
        grace, orphan = told.get("gracePeriodSeconds"), told.get("orphanDependents")
        if orphan is not None:
            if propagation is not None:
                raise _twice(propagation)
            propagation = "Orphan" if orphan in {True, "true", "1"} else "Background"
        preconditions = {} if body is None else body.get("preconditions") or {}
        dry_run = query.get("dryRun") if body is None else ",".join(body.get("dryRun") or ())
        return cls(
            dry_run=_dry_run(dry_run, "DeleteOptions"),
            grace_period=None if grace is None else int(grace),
            propagation=propagation,
            uid=preconditions.get("uid"),
            resource_version=preconditions.get("resourceVersion"),
        )


def _twice(policy: str) -> ApiError:
    detail = "orphanDependents and deletionPropagation cannot be both set"
    cause = invalid_value("propagationPolicy", policy, detail)
    return invalid("DeleteOptions", "meta.k8s.io", "", [cause])


def _unsupported_policy(policy: str) -> ApiError:
    cause = not_supported("propagationPolicy", policy, (*_PROPAGATION, "nil"))
    return invalid("DeleteOptions", "meta.k8s.io", "", [cause])
