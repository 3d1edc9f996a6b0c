"""Get, list and watch queries: selectors, pages, resource versions."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from devcluster.apiserver.errors import ApiError, bad_request
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object
from devcluster.apiserver.selectors import Requirement, field_values, parse_fields, parse_labels


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a resource are meant."""

    resource: Resource
    namespace: str
    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    @classmethod
    def read(
        cls, resource: Resource, namespace: str, name: str, query: Mapping[str, str]
    ) -> "Selection":
        """Read the selectors of a query.

        Raises:
            ApiError: 400.
        """
        fields = parse_fields(query.get("fieldSelector", ""), resource.selectable)
        if name and not any(term.key == "metadata.name" for term in fields):
            fields = (*fields, Requirement("metadata.name", "in", frozenset({name})))
        labels = parse_labels(query.get("labelSelector", ""))
        return cls(resource, namespace, labels, fields)

    def matches(self, obj: Object) -> bool:
        """Whether an object, as this version shows it, is selected."""
        meta = obj["metadata"]
        if self.namespace and meta.get("namespace") != self.namespace:
            return False
        labels = meta.get("labels") or {}
        if not all(term.matches(labels) for term in self.labels):
            return False
        if not self.fields:
            return True
        values = field_values(obj, self.resource.selectable)
        return all(term.matches(values) for term in self.fields)


def version_of(query: Mapping[str, str]) -> int | None:
    """The ``resourceVersion`` of a query, or None.

    Raises:
        ApiError: 400, it is no number.
    """
    text = query.get("resourceVersion", "")
    if not text:
        return None
    if not text.isdigit():
        raise bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": '
            f'strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def too_large(version: int, current: int) -> ApiError:
    """A list or watch from a revision that does not exist yet."""
    message = "Too large resource version"
    return ApiError(
        504,
        "Timeout",
        f"Timeout: {message}: {version}, current: {current}",
        details={
            "causes": [{"reason": "ResourceVersionTooLarge", "message": message}],
            "retryAfterSeconds": 1,
        },
        retry_after=1,
    )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    objects: Sequence[Object]
    revision: int
    token: str = ""
    remaining: int | None = None


def _encode_token(revision: int, start: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(
        msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": revision, "start": start})
    ).decode()


def decode_token(text: str) -> tuple[int, tuple[str, str]]:
    """Revision and last key of a continue token.

    Raises:
        ApiError: 400.
    """
    try:
        token: Any = msgspec.json.decode(base64.urlsafe_b64decode(text))
        namespace, name = token["start"]
        return int(token["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error


def page(
    objects: Sequence[Object],
    revision: int,
    limit: int,
    after: tuple[str, str] | None,
    *,
    exact: bool,
) -> Page:
    """Cut a page out of an ordered list.

    Args:
        objects: The selected objects, ordered by namespace and name.
        revision: The revision of the list.
        limit: Objects at most; 0 for all.
        after: The key that the page before ended with.
        exact: No selector is set, so the number of remaining objects is known.
    """
    if after is not None:
        objects = [obj for obj in objects if _key(obj) > after]
    if not limit or len(objects) <= limit:
        return Page(objects, revision)
    shown = objects[:limit]
    remaining = len(objects) - limit if exact else None
    return Page(shown, revision, _encode_token(revision, _key(shown[-1])), remaining)


def _key(obj: Object) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def limit_of(query: Mapping[str, str]) -> int:
    """The ``limit`` of a query; 0 for none.

    Raises:
        ApiError: 400.
    """
    text = query.get("limit", "") or "0"
    if not text.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)
