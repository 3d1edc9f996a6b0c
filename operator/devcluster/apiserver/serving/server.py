"""The HTTP server: authenticate, authorise, dispatch, and every error as a ``Status``."""

import asyncio
import logging
from typing import Any

import msgspec
from aiohttp import web

from devcluster.apiserver import errors
from devcluster.apiserver.access.impersonation import impersonate
from devcluster.apiserver.access.rbac import Authorizer, Request
from devcluster.apiserver.access.tokens import ANONYMOUS, Tokens, User
from devcluster.apiserver.errors import ApiError, NoSuchPathError
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.serving import discovery
from devcluster.apiserver.serving.faults import Faults
from devcluster.apiserver.serving.negotiate import Form, negotiate, parse_accept
from devcluster.apiserver.serving.openapi import OpenApi
from devcluster.apiserver.serving.pods import Logs, bind
from devcluster.apiserver.serving.reading import Selection
from devcluster.apiserver.serving.request import RequestInfo, parse_request
from devcluster.apiserver.serving.reviews import Reviews, token_request
from devcluster.apiserver.serving.verbs import Answer, Verbs, read_body
from devcluster.apiserver.serving.watches import Watch, WatchOptions, error_event, history_lost

_log = logging.getLogger(__name__)
_MAX_BODY = 3 * 1024 * 1024
_REVIEW_GROUPS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})
_OPTIONS = {
    "create": "CreateOptions",
    "update": "UpdateOptions",
    "patch": "PatchOptions",
}
_ALWAYS_OPEN = frozenset({"/healthz", "/livez", "/readyz"})


class ApiServer:
    """The request handler over everything else."""

    def __init__(self, registry: Registry, tokens: Tokens, openapi: OpenApi) -> None:
        self._registry = registry
        self._tokens = tokens
        self._authorizer = Authorizer(registry.store)
        self._verbs = Verbs(registry)
        self._reviews = Reviews(tokens, self._authorizer)
        self._logs = Logs(registry)
        self._openapi = openapi
        self._faults = Faults()
        self._watches: dict[Watch, asyncio.Event] = {}
        self._expired: set[Watch] = set()
        self.address = ""

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_shutdown.append(self._stop_watches)
        return app

    async def _stop_watches(self, _: web.Application) -> None:
        for watch in tuple(self._watches):
            watch.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._respond(request)
        except NoSuchPathError:
            return _page_not_found()
        except ApiError as error:
            return _status(error)
        except web.HTTPRequestEntityTooLarge:
            return _status(
                ApiError(
                    413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}"
                )
            )
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001  # a bug answers 500, as in Kubernetes
            _log.exception("%s %s failed", request.method, request.path)
            return _status(errors.internal(f"{type(error).__name__}: {error}"))

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        user = self._authenticate(request)
        info = parse_request(request.method, request.path, request.query)
        if not info.resource:
            return await self._plain(request, info, user)
        self._authorizer.check(
            Request(
                user=user,
                verb=info.verb,
                group=info.group,
                resource=info.resource,
                subresource=info.subresource,
                namespace=info.namespace,
                name=info.name,
            )
        )
        await self._faults.before(info, user.name)
        resource = self._registry.scheme.find(info.group, info.version, info.resource)
        if resource is None:
            if (info.group, info.version) in self._registry.scheme.versions():
                raise errors.no_such_resource()
            return _page_not_found()
        if info.verb == "watch":
            return await self._watch(request, resource, info)
        if info.subresource == "log":
            pod = self._registry.get(resource, info.namespace, info.name)
            return await self._logs.stream(request, pod, request.query)
        answer = await self._resource(request, resource, info, user)
        if info.verb not in {"get", "list"} and self._faults.loses_answer(info, user.name):
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("a fault switch cut the connection")
        return _json(answer)

    def _authenticate(self, request: web.Request) -> User:
        header = request.headers.get("Authorization", "")
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise errors.unauthorized()
        user = self._tokens.user(token.strip())
        name = request.headers.get("Impersonate-User")
        if not name:
            return user
        groups = request.headers.getall("Impersonate-Group", ())
        uid = request.headers.get("Impersonate-Uid", "")
        return impersonate(self._authorizer, user, name, tuple(groups), uid)

    async def _resource(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> Answer:
        form = negotiate(request.headers.get("Accept"))
        query = request.query
        _check_target(resource, info)
        if info.verb == "list":
            self._allow(resource.verbs, info.verb)
            stale = self._faults.stale_revision(info, user.name)
            return self._verbs.list(resource, info, query, form, stale=stale)
        body = await request.read()
        content_type = request.headers.get("Content-Type", "")
        options = WriteOptions(user=user.name)
        if info.verb in _OPTIONS:
            options = WriteOptions.from_query(query, user.name, _OPTIONS[info.verb])
        if info.subresource:
            return self._subresource(resource, info, content_type, body, options, form)
        self._allow(resource.verbs, info.verb)
        if info.verb == "get":
            return self._verbs.get(resource, info, form)
        if info.verb == "patch":
            return self._verbs.patch(resource, info, content_type, body, options)
        document = read_body(content_type, body) if body else None
        match info.verb:
            case "create" if resource.group in _REVIEW_GROUPS:
                reviewed = self._reviews.answer(resource, document or {}, user, info.namespace)
                return Answer(201, reviewed)
            case "create":
                return self._verbs.create(resource, info, document, options)
            case "update":
                return self._verbs.update(resource, info, document, options)
            case "delete":
                return self._verbs.delete(resource, info, query, document)
            case "deletecollection":
                return self._verbs.delete_collection(resource, info, query, document)
            case _:
                raise errors.method_not_allowed()

    @staticmethod
    def _allow(verbs: tuple[str, ...], verb: str) -> None:
        if verb not in verbs:
            raise errors.method_not_allowed()

    def _subresource(
        self,
        resource: Resource,
        info: RequestInfo,
        content_type: str,
        body: bytes,
        options: WriteOptions,
        form: Form,
    ) -> Answer:
        below = resource.subresource(info.subresource)
        if below is None:
            if resource.custom:
                raise errors.not_found(resource.plural, resource.group, info.name)
            raise errors.no_such_resource()
        self._allow(below.verbs, info.verb)
        if info.verb == "get":
            return self._verbs.get(resource, info, form)
        if info.verb == "patch":
            return self._verbs.patch(resource, info, content_type, body, options)
        document = read_body(content_type, body) if body else {}
        match info.subresource:
            case "binding":
                bound = bind(self._registry, resource, info.namespace, info.name, document)
                return Answer(201, bound)
            case "token":
                account = self._registry.get(resource, info.namespace, info.name)
                return Answer(201, token_request(self._tokens, account, document))
            case _:
                return self._verbs.update(resource, info, document, options)

    async def _watch(
        self, request: web.Request, resource: Resource, info: RequestInfo
    ) -> web.StreamResponse:
        self._allow(resource.verbs, "watch")
        form = negotiate(request.headers.get("Accept"))
        namespace = info.namespace if resource.namespaced else ""
        selection = Selection.read(resource, namespace, info.name, request.query)
        watch = Watch(self._registry, selection, WatchOptions.read(request.query), form)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            first = watch.start()
        except ApiError as error:
            first, watch_lines = [error_event(error)], None
        else:
            watch_lines = watch.lines()
            self._watches[watch] = asyncio.Event()
        try:
            await response.prepare(request)
            if first:
                await response.write(b"".join(first))
            if watch_lines is not None:
                async for line in watch_lines:
                    await response.write(line)
            if watch in self._expired:
                await response.write(error_event(history_lost(self._registry.store)))
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone
        finally:
            watch.stop()
            self._watches.pop(watch, None)
            self._expired.discard(watch)
        return response

    async def _plain(
        self, request: web.Request, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        self._authorizer.check(Request(user=user, verb=info.verb, path=request.path))
        if path == "/_faults":
            return await self._fault_switches(request)
        if request.method not in {"GET", "HEAD"}:
            return _page_not_found()
        if path in _ALWAYS_OPEN or path.startswith(("/readyz/", "/livez/", "/healthz/")):
            return web.Response(text="ok")
        scheme = self._registry.scheme
        accept = parse_accept(request.headers.get("Accept", "*/*"))
        match path.strip("/").split("/"):
            case ["metrics"]:
                return web.Response(text=self._metrics())
            case ["version"]:
                return _json(Answer(200, discovery.VERSION))
            case ["api" | "apis" as root] if discovery.wants_aggregated(accept):
                body = discovery.aggregated(scheme, core=root == "api")
                return _json(Answer(200, body), discovery.AGGREGATED)
            case ["api"]:
                return _json(Answer(200, discovery.core_versions(self.address)))
            case ["apis"]:
                return _json(Answer(200, discovery.group_list(scheme)))
            case ["api", version]:
                return _json(Answer(200, discovery.resource_list(scheme, "", version)))
            case ["apis", group]:
                kind = {"kind": "APIGroup", "apiVersion": "v1"}
                return _json(Answer(200, kind | discovery.group_document(scheme, group)))
            case ["apis", group, version]:
                return _json(Answer(200, discovery.resource_list(scheme, group, version)))
            case ["openapi", "v3"]:
                return _json(Answer(200, self._openapi.index()))
            case ["openapi", "v3", *rest]:
                document = self._openapi.document("/".join(rest))
                return web.Response(body=document, content_type="application/json")
            case [""]:
                return _json(
                    Answer(200, {"paths": ["/api", "/apis", "/healthz", "/openapi/v3", "/version"]})
                )
            case _:
                return _page_not_found()

    def _metrics(self) -> str:
        lines = ["# TYPE apiserver_storage_objects gauge"]
        for resource, count in sorted(self._registry.store.counts().items()):
            if resource:
                lines.append(f'apiserver_storage_objects{{resource="{resource}"}} {count}')
        return "\n".join(lines) + "\n"

    async def _fault_switches(self, request: web.Request) -> web.StreamResponse:
        match request.method:
            case "POST":
                store = self._registry.store
                fault = self._faults.add(await request.read(), store.revision)
                if fault.kind in {"forget", "expireWatches"}:
                    store.forget()
                if fault.kind in {"dropWatches", "expireWatches"}:
                    for watch in tuple(self._watches):
                        if fault.kind == "expireWatches":
                            self._expired.add(watch)
                        watch.stop()
            case "DELETE":
                self._faults.clear()
            case "GET":
                pass
            case _:
                raise errors.method_not_allowed()
        return _json(Answer(200, {"faults": self._faults.shown()}))


def _check_target(resource: Resource, info: RequestInfo) -> None:
    """Some verbs need a name, some must have none, and writes need a namespace."""
    nameless = info.verb in {"create", "deletecollection"} and not info.subresource
    if nameless and resource.namespaced and not info.namespace:
        if resource.custom:
            raise NoSuchPathError
        raise errors.method_not_allowed()
    if resource.custom:
        return
    wrong = info.name if info.verb == "create" and not info.subresource else ""
    if wrong or (info.verb in {"update", "patch"} and not info.name):
        raise errors.method_not_allowed()


def _json(answer: Answer, content_type: str = "application/json") -> web.Response:
    response = web.Response(
        status=answer.code,
        body=msgspec.json.encode(answer.body),
        headers={"Content-Type": content_type, "Cache-Control": "no-cache, private"},
    )
    for warning in answer.warnings:
        escaped: Any = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{escaped}"')
    return response


def _page_not_found() -> web.Response:
    return web.Response(status=404, text="404 page not found\n")


def _status(error: ApiError) -> web.Response:
    response = _json(Answer(error.code, error.status()))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
