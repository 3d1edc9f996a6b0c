"""A thin asynchronous client for the Kubernetes API: dictionaries in, dictionaries out.

It serves the devcluster's own programs (Job controller, pod runner), against the embedded API
server and against a real one alike. The error tree::

    ApiError                  the API server, or the way to it, refused a request
    ├── NotFoundError              404: the object or the resource is not there
    ├── ConflictError              409: the name is taken, or the object has changed meanwhile
    ├── GoneError                  410: the watch's place in history is forgotten; list again
    └── UnavailableError           429, 5xx, or no answer at all: the same request may succeed later
"""

import asyncio
import base64
import ssl
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import aiohttp
import msgspec
import yaml

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as its JSON document."""

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

_ATTEMPTS = 5
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)


class ApiError(Exception):
    """The API server, or the way to it, refused a request."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        """The word of the ``Status`` object, such as ``AlreadyExists``."""


class NotFoundError(ApiError):
    """The object or the resource is not there (404)."""


class ConflictError(ApiError):
    """The name is taken, or the object has changed meanwhile (409)."""


class GoneError(ApiError):
    """The place in history that a watch or a page asked for is forgotten (410)."""


class UnavailableError(ApiError):
    """The server is busy, broken or out of reach; the same request may succeed later."""


_ERRORS: dict[int, type[ApiError]] = {404: NotFoundError, 409: ConflictError, 410: GoneError}


def error_of(code: int, body: bytes) -> ApiError:
    """The error that an answer with this HTTP status and body stands for."""
    try:
        status = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        status = {}
    message = str(status.get("message") or body[:500].decode(errors="replace") or f"HTTP {code}")
    kind = UnavailableError if code == 429 or code >= 500 else _ERRORS.get(code, ApiError)
    return kind(code, str(status.get("reason", "")), message)


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of one kind live."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object, or a subresource of an object."""
        root = "/apis" if "/" in self.api_version else "/api"
        scope = ("namespaces", namespace) if namespace and self.namespaced else ()
        parts = (root, self.api_version, *scope, self.plural, name, subresource)
        return "/".join(part for part in parts if part)


CLAIMS = Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap")
EVENTS = Resource("v1", "events", "Event")
JOBS = Resource("batch/v1", "jobs", "Job")
LEASES = Resource("coordination.k8s.io/v1", "leases", "Lease")
NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("v1", "nodes", "Node", namespaced=False)
PODS = Resource("v1", "pods", "Pod")
SECRETS = Resource("v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Resource("v1", "serviceaccounts", "ServiceAccount")
STORAGE_CLASSES = Resource("storage.k8s.io/v1", "storageclasses", "StorageClass", namespaced=False)
VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach and to convince an API server."""

    server: str
    tls: ssl.SSLContext
    headers: Mapping[str, str]


def load_kubeconfig(path: Path) -> Connection:
    """Read the current context of a kubeconfig: a token or a client certificate.

    Raises:
        ValueError: the file names no usable context.
    """
    config = yaml.safe_load(path.read_text(encoding="utf-8"))

    def named(section: str, kind: str, name: str) -> Object:
        for entry in config.get(section) or ():
            if entry["name"] == name:
                return dict(entry[kind])
        raise ValueError(f"{path} has no {kind} named {name!r}")

    context = named("contexts", "context", str(config.get("current-context")))
    cluster = named("clusters", "cluster", context["cluster"])
    user = named("users", "user", context["user"])

    def text_of(source: Object, field: str) -> str | None:
        if data := source.get(f"{field}-data"):
            return base64.b64decode(data).decode("ascii")
        if file := source.get(field):
            return (path.parent / str(file)).read_text(encoding="ascii")
        return None

    tls = ssl.create_default_context(cadata=text_of(cluster, "certificate-authority"))
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    certificate, key = text_of(user, "client-certificate"), text_of(user, "client-key")
    if certificate and key:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:  # readable by us alone
            chain.write(certificate + "\n" + key)
            chain.flush()
            tls.load_cert_chain(chain.name)
    token = user.get("token")
    if token is None and (file := user.get("tokenFile")):
        token = (path.parent / str(file)).read_text(encoding="ascii").strip()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Connection(str(cluster["server"]).rstrip("/"), tls, headers)


class Client:
    """Requests to one API server over a few kept connections; an async context manager."""

    def __init__(self, connection: Connection, agent: str) -> None:
        self._connection = connection
        self._agent = agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={**self._connection.headers, "User-Agent": self._agent},
            connector=aiohttp.TCPConnector(limit=64, ssl=self._connection.tls),
            timeout=_TIMEOUT,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    def _open(
        self, method: str, path: str, **options: Any
    ) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            raise RuntimeError("use the client inside `async with`")
        return self._session.request(method, self._connection.server + path, **options)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send one request and return the answer's document.

        Reads are sent again when no answer comes, every request when the server is busy (429).

        Raises:
            ApiError: as the module's docstring tells.
        """
        data = None if body is None else msgspec.json.encode(body)
        content = await self._send(method, path, params or {}, data, content_type)
        return msgspec.json.decode(content, type=dict[str, Any]) if content else {}

    async def read(self, path: str, *, params: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer that is no document, such as a log."""
        return await self._send("GET", path, params or {}, None, "")

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        data: bytes | None,
        content_type: str,
    ) -> bytes:
        headers = {"Accept": "application/json, */*"}
        if data is not None:
            headers["Content-Type"] = content_type
        for attempt in range(1, _ATTEMPTS + 1):
            wait = 0.05 * 2**attempt
            try:
                async with self._open(
                    method, path, params=params, data=data, headers=headers
                ) as answer:
                    content = await answer.read()
                    if answer.status < 400:
                        return content
                    error = error_of(answer.status, content)
                    if retry_after := answer.headers.get("Retry-After", ""):
                        wait = float(retry_after) if retry_after.isdecimal() else wait
            except (aiohttp.ClientError, TimeoutError) as failure:
                text = f"{method} {path}: {type(failure).__name__}: {failure}"
                error = UnavailableError(0, "NoAnswer", text)
            again = isinstance(error, UnavailableError) and (method == "GET" or error.code == 429)
            if not again or attempt == _ATTEMPTS:
                raise error
            await asyncio.sleep(min(wait, 5))
        raise AssertionError("unreachable")

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object."""
        return await self.request("GET", resource.path(namespace, name))

    async def list(
        self, resource: Resource, namespace: str = "", **selectors: str
    ) -> tuple[list[Object], str]:
        """All objects, page by page, and the resourceVersion to watch from.

        ``selectors`` are the API's query parameters: ``labelSelector``, ``fieldSelector``.
        """
        items: list[Object] = []
        params = {"limit": "500", **selectors}
        while True:
            page = await self.request("GET", resource.path(namespace), params=params)
            items += page.get("items") or ()
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                break
            params["continue"] = meta["continue"]
        for item in items:  # a list names kind and version once; an object always does
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return items, str(meta.get("resourceVersion", ""))

    async def create(
        self, resource: Resource, namespace: str, body: Object, *, name: str = "", sub: str = ""
    ) -> Object:
        """Create an object, or (with ``name`` and ``sub``) post to a subresource of one."""
        return await self.request("POST", resource.path(namespace, name, sub), body=body)

    async def replace(self, resource: Resource, body: Object, *, sub: str = "") -> Object:
        """Put an object in the place of the one with its name; its resourceVersion counts."""
        meta = body["metadata"]
        path = resource.path(meta.get("namespace", ""), meta["name"], sub)
        return await self.request("PUT", path, body=body)

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Object,
        *,
        sub: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Object:
        """Patch an object or a subresource of it."""
        path = resource.path(namespace, name, sub)
        return await self.request("PATCH", path, body=body, content_type=content_type)

    async def delete(self, resource: Resource, namespace: str, name: str, **options: Any) -> Object:
        """Delete an object; ``options`` are fields of ``DeleteOptions``."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return await self.request("DELETE", resource.path(namespace, name), body=body)

    async def watch(
        self, resource: Resource, version: str, *, seconds: int, **selectors: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """Changes after ``version`` as (type, object), until the server ends the watch.

        Args:
            resource: What to watch, in all namespaces.
            version: The resourceVersion to go on from.
            seconds: Until the server ends the watch.
            selectors: Query parameters, as for `list`.

        Raises:
            GoneError: ``version`` is forgotten; list again.
            ApiError: any other refusal, or a broken connection (`UnavailableError`).
        """
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
            **selectors,
        }
        # A connection that died without a word shows by its silence past the server's timeout.
        patience = aiohttp.ClientTimeout(total=seconds + 15, sock_connect=5)
        try:
            async with self._open(
                "GET", resource.path(), params=params, timeout=patience
            ) as answer:
                if answer.status >= 400:
                    raise error_of(answer.status, await answer.read())
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        if line.strip():
                            event = msgspec.json.decode(line, type=dict[str, Any])
                            if event["type"] == "ERROR":
                                code = int(event["object"].get("code", 500))
                                raise error_of(code, msgspec.json.encode(event["object"]))
                            yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise UnavailableError(
                0, "NoAnswer", f"watch {resource.plural}: {failure}"
            ) from failure
