"""What is special about a kind. The base class is a kind with nothing special."""

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from devcluster.apiserver.errors import Cause, invalid_value
from devcluster.apiserver.objects import Object

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

LABEL_DETAIL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_DETAIL = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def label_causes(field: str, value: str) -> Iterator[Cause]:
    """Why a value is no DNS label."""
    if len(value) > 63:
        yield invalid_value(field, value, "must be no more than 63 bytes")
    if not DNS_LABEL.fullmatch(value):
        yield invalid_value(field, value, LABEL_DETAIL)


def subdomain_causes(field: str, value: str) -> Iterator[Cause]:
    """Why a value is no DNS subdomain."""
    if len(value) > 253:
        yield invalid_value(field, value, "must be no more than 253 bytes")
    if not DNS_SUBDOMAIN.fullmatch(value):
        yield invalid_value(field, value, SUBDOMAIN_DETAIL)


def path_causes(field: str, value: str) -> Iterator[Cause]:
    """Why a value cannot be one segment of a path, the only bound on RBAC names."""
    if value in {".", ".."}:
        yield invalid_value(field, value, f"may not be '{value}'")
    for character in "/%":
        if character in value:
            yield invalid_value(field, value, f"may not contain '{character}'")


class Strategy:
    """Hooks that the registry calls; each may change its first argument in place.

    Attributes:
        counts_generations: ``metadata.generation`` counts changes of the spec.
        has_status: Status is written through its own path only.
        returns_deleted: DELETE answers with the object, not with a ``Status``.
        orphans_by_default: DELETE without a policy leaves the dependents.
        creates_on_update: PUT of a name that does not exist creates the object.
        unconditional: PUT without a resourceVersion overwrites.
    """

    counts_generations: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    returns_deleted: ClassVar[bool] = False
    orphans_by_default: ClassVar[bool] = False
    creates_on_update: ClassVar[bool] = False
    unconditional: ClassVar[bool] = True

    def default(self, obj: Object) -> None:
        """Fill in what the author left out."""

    def prepare_create(self, obj: Object) -> None:
        """Drop what only the system sets, add what the system sets."""
        if self.has_status:
            obj.pop("status", None)

    def settle(self, obj: Object) -> None:
        """After validation: what Kubernetes fills in when it reads the object back."""

    def prepare_update(self, new: Object, old: Object) -> None:
        """Put back what this path may not change."""
        if self.has_status:
            self.keep(new, old, "status")

    def prepare_status_update(self, new: Object, old: Object) -> None:
        """Put back what the status path may not change: all but status."""
        status = new.get("status")
        own_version = new["metadata"].get("resourceVersion")
        new.clear()
        new.update(old)
        new["metadata"] = {**old["metadata"], "resourceVersion": own_version}
        if status is None:
            new.pop("status", None)
        else:
            new["status"] = status

    def validate(self, obj: Object) -> Iterable[Cause]:
        """What is wrong with the object."""
        del obj
        return ()

    def validate_update(self, new: Object, old: Object) -> Iterable[Cause]:
        """What an update may not do."""
        del new, old
        return ()

    def validate_status(self, new: Object, old: Object) -> Iterable[Cause]:
        """What is wrong with a new status."""
        del new, old
        return ()

    def name_causes(self, field: str, name: str) -> Iterable[Cause]:
        """Why this cannot be the object's name."""
        return subdomain_causes(field, name)

    def grace_period(self, obj: Object, requested: int | None) -> int:
        """Seconds between the deletion and the removal; 0 removes at once."""
        del obj, requested
        return 0

    @staticmethod
    def keep(new: Object, old: Object, field: str) -> None:
        """Let a field of the new object be what it was."""
        if field in old:
            new[field] = old[field]
        else:
            new.pop(field, None)
