"""The one way to the API server: dicts in, dicts out.

`Gateway` is what the rest of the controller knows. `ApiServer` is the real one: HTTP in the event
loop, behind the client-side limit, with retries. The official client's transport, in threads, took
twice the CPU.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, Protocol

import aiohttp
import msgspec
from kubernetes.client.configuration import Configuration

from synclog.api import names
from synclog.controller.clock import ClusterClock
from synclog.controller.connection import Connection
from synclog.controller.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    RefusedError,
    UnavailableError,
    WebhookError,
)
from synclog.controller.throttle import Lane, Throttle

Document = dict[str, Any]
"""A Kubernetes object as JSON."""

PAGE = 500
"""Objects asked for in one answer of a list."""
READ_TIMEOUT = 30.0
ATTEMPTS = 4
"""Tries of one request before the caller hears of it; the work queue then waits longer."""


class Resource(NamedTuple):
    """A kind of object, as its path has it."""

    group: str
    version: str
    plural: str


EXPORTS = Resource(names.GROUP, names.VERSION, names.PLURAL)
JOBS = Resource("batch", "v1", "jobs")
PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")
CLAIMS = Resource("", "v1", "persistentvolumeclaims")
LEASES = Resource("coordination.k8s.io", "v1", "leases")


class Gateway(Protocol):
    """What the controller asks of the API server.

    Every method raises `UnavailableError` where no usable answer came, and `RefusedError` where
    the API server said no. What is not there is None or False, not an error.
    """

    async def get(
        self, resource: Resource, namespace: str, name: str, *, lane: Lane = Lane.NORMAL
    ) -> Document | None:
        """The object, or None where there is none."""

    def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        lane: Lane = Lane.NORMAL,
    ) -> AsyncIterator[list[Document]]:
        """The objects that match both selectors, page by page; namespace None means all."""

    async def create(
        self, resource: Resource, namespace: str, body: Document, *, lane: Lane = Lane.NORMAL
    ) -> Document:
        """Create an object and return it as stored; raises `AlreadyExistsError`."""

    async def replace(self, resource: Resource, namespace: str, body: Document) -> Document:
        """Replace an object of that name; raises `ConflictError` where resourceVersion differs."""

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Document,
        *,
        subresource: str = "",
        lane: Lane = Lane.NORMAL,
    ) -> Document | None:
        """Merge a patch; None where there is no such object; raises `ConflictError`."""

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> bool:
        """Delete the object with its dependents if its uid is this; False where it is gone."""


class ApiServer:
    """The API server over HTTP.

    Args:
        configuration: address and credentials, as the official client loads them.
        throttle: the client-side limit.
        clock: told the time of each answer.
        patience: seconds to wait for the next byte of an answer.
        record: told of each request that was answered: verb, status (0: no answer).
    """

    def __init__(
        self,
        configuration: Configuration,
        throttle: Throttle,
        *,
        clock: ClusterClock,
        patience: float = READ_TIMEOUT,
        record: Callable[[str, int], None] = lambda _verb, _status: None,
    ) -> None:
        self._connection = Connection(configuration, patience)
        self._throttle = throttle
        self._clock = clock
        self._record = record

    async def close(self) -> None:
        """Let go of the connections."""
        await self._connection.close()

    async def get(
        self, resource: Resource, namespace: str, name: str, *, lane: Lane = Lane.NORMAL
    ) -> Document | None:
        """See `Gateway.get`."""
        path = _path(resource, namespace, name)
        return await self._request("GET", path, missing_ok=True, lane=lane)

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        lane: Lane = Lane.NORMAL,
    ) -> AsyncIterator[list[Document]]:
        """See `Gateway.pages`."""
        query = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        while True:
            path = _path(resource, namespace)
            answer = await self._request("GET", path, query=query, verb="LIST", lane=lane)
            page = _present(answer)
            yield page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def create(
        self, resource: Resource, namespace: str, body: Document, *, lane: Lane = Lane.NORMAL
    ) -> Document:
        """See `Gateway.create`."""
        path = _path(resource, namespace)
        return _present(await self._request("POST", path, body=body, lane=lane))

    async def replace(self, resource: Resource, namespace: str, body: Document) -> Document:
        """See `Gateway.replace`."""
        path = _path(resource, namespace, body["metadata"]["name"])
        return _present(await self._request("PUT", path, body=body))

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Document,
        *,
        subresource: str = "",
        lane: Lane = Lane.NORMAL,
    ) -> Document | None:
        """See `Gateway.patch`."""
        path = _path(resource, namespace, name, subresource)
        return await self._request("PATCH", path, body=body, lane=lane, missing_ok=True)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> bool:
        """See `Gateway.delete`."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        path = _path(resource, namespace, name)
        try:
            answer = await self._request("DELETE", path, body=body, missing_ok=True)
        except ConflictError:  # the name is another object's by now: ours is gone
            return False
        return answer is not None

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Document | None = None,
        verb: str = "",
        lane: Lane = Lane.NORMAL,
        missing_ok: bool = False,
    ) -> Document | None:
        """Send until there is an answer.

        Each write is safe to repeat: names are fixed, patches and replacements name the
        resourceVersion that they mean, deletions the uid.
        """
        data = None if body is None else msgspec.json.encode(body)
        failure = UnavailableError(f"{method} {path}: not tried")
        for attempt in range(ATTEMPTS):
            async with self._throttle.slot(lane):
                asked = self._clock.ticks()
                try:
                    status, headers, content = await self._connection.send(
                        method, path, query or {}, data
                    )
                except (aiohttp.ClientError, OSError) as error:
                    self._record(verb or method, 0)
                    failure = UnavailableError(f"{method} {path}: {_said(error)}")
                    pause = _pause(attempt, None)
                else:
                    self._record(verb or method, status)
                    self._clock.heard(headers.get("Date"), asked, self._clock.ticks())
                    document = _object(content)
                    if status < 300 and document is not None:
                        return document
                    if status == 404 and missing_ok and _is_about(content, path):
                        return None
                    problem = _problem(status, content, f"{method} {path}")
                    if not isinstance(problem, UnavailableError):
                        raise problem
                    failure, pause = problem, _pause(attempt, headers.get("Retry-After"))
            if attempt + 1 < ATTEMPTS:
                await asyncio.sleep(pause)
        raise failure


def _path(resource: Resource, namespace: str | None, name: str = "", subresource: str = "") -> str:
    group, version, plural = resource
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    within = f"/namespaces/{namespace}" if namespace else ""
    return root + within + "".join(f"/{part}" for part in (plural, name, subresource) if part)


def _present(document: Document | None) -> Document:
    assert document is not None, "only a request with missing_ok can come back empty"
    return document


def _is_about(data: bytes, path: str) -> bool:
    """Whether a 404 speaks of the object, not of a path that this server does not know."""
    details = (_object(data) or {}).get("details") or {}
    return bool(details.get("name")) and f"/{details['name']}" in path


def _object(data: bytes) -> Document | None:
    """An answer's JSON object; None where it is none, as of a proxy's page."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return document if isinstance(document, dict) else None


def _problem(status: int, data: bytes, what: str) -> ApiError:
    if status < 300:
        return UnavailableError(f"{what}: HTTP {status} with no JSON object", status=status)
    document = _object(data) or {}
    reason = document.get("reason") or ""
    message = f"{what}: {document.get('message') or f'HTTP {status}'}"
    kind: type[ApiError] = RefusedError
    if status == 429 or status >= 500 or status == 401:
        # 401: the token is being replaced, or the API server cannot check it now.
        kind = WebhookError if "failed calling webhook" in message else UnavailableError
    elif status == 409:
        kind = AlreadyExistsError if reason == "AlreadyExists" else ConflictError
    return kind(message, status=status, reason=reason)


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait before the next try: doubling, with jitter, not less than asked for."""
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
    return min(asked, READ_TIMEOUT) + jitter * 0.2 * (1 << attempt)


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
