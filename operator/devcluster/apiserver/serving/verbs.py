"""The verbs on resources: from a parsed request to the registry and back to JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from devcluster.apiserver import errors
from devcluster.apiserver.errors import (
    ApiError,
    NoSuchPathError,
    bad_request,
    forbidden_field,
    invalid,
)
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of, without_type
from devcluster.apiserver.patching import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)
from devcluster.apiserver.registry.options import DeleteOptions, WriteOptions
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.registry.strict import loads
from devcluster.apiserver.serving.negotiate import Form, metadata_only, table
from devcluster.apiserver.serving.protobuf import MEDIA_TYPE, read_protobuf
from devcluster.apiserver.serving.reading import (
    Page,
    Selection,
    decode_token,
    limit_of,
    page,
    too_large,
    version_of,
)
from devcluster.apiserver.serving.request import RequestInfo

_BODY_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_READABLE = frozenset({"", "application/json", "application/octet-stream"})
_ORPHAN_WARNING = (
    "child pods are preserved by default when jobs are deleted; set "
    "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
    "this warning"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    code: int
    body: Any
    warnings: Sequence[str] = ()


def read_body(content_type: str, body: bytes) -> Any:
    """The JSON of a body.

    Raises:
        ApiError: 400 or 415.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/yaml":
            return yaml.safe_load(body)
        if kind == MEDIA_TYPE:
            return read_protobuf(body)
        if kind not in _READABLE:
            raise errors.unsupported_media(_BODY_TYPES)
        return loads(body)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error


class Verbs:
    """What may be done with resources."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get(self, resource: Resource, info: RequestInfo, form: Form) -> Answer:
        """One object."""
        obj = self._registry.get(resource, info.namespace if resource.namespaced else "", info.name)
        return Answer(200, self._shaped(resource, obj, form))

    def _shaped(self, resource: Resource, obj: Object, form: Form) -> Object:
        match form:
            case Form.TABLE:
                version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
                return table(resource, [obj], version)
            case Form.METADATA | Form.METADATA_LIST:
                return metadata_only(obj)
            case _:
                return obj

    def list(
        self,
        resource: Resource,
        info: RequestInfo,
        query: Mapping[str, str],
        form: Form,
        *,
        stale: int | None = None,
    ) -> Answer:
        """A list, or one page of it.

        Args:
            resource: The resource.
            info: The request.
            query: Selectors, limit, continue token, resourceVersion.
            form: How the objects are shown.
            stale: A revision before now to answer from, for a fault switch.
        """
        namespace = info.namespace if resource.namespaced else ""
        selection = Selection.read(resource, namespace, info.name, query)
        found = self._page(selection, query, stale)
        meta: Object = {"resourceVersion": str(found.revision)}
        if resource.custom and form is Form.OBJECT:
            meta["continue"] = ""
        if found.token:
            meta["continue"] = found.token
            if found.remaining is not None:
                meta["remainingItemCount"] = found.remaining
        if form is Form.TABLE:
            include = query.get("includeObject", "Metadata")
            return Answer(200, table(resource, found.objects, meta, include=include))
        if form in {Form.METADATA, Form.METADATA_LIST}:
            items = [metadata_only(obj) for obj in found.objects]
            kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return Answer(200, kind | {"metadata": meta, "items": items})
        items = list(found.objects)
        if not resource.custom:
            items = [without_type(obj) for obj in items]
        kind = {"kind": resource.list_kind, "apiVersion": resource.api_version}
        return Answer(200, kind | {"metadata": meta, "items": items})

    def _page(self, selection: Selection, query: Mapping[str, str], stale: int | None) -> Page:
        store, resource = self._registry.store, selection.resource
        wanted, limit = version_of(query), limit_of(query)
        token = query.get("continue", "")
        if token and wanted:
            raise bad_request("specifying resource version is not allowed when using continue")
        if wanted is not None and wanted > store.revision:
            raise too_large(wanted, store.revision)
        match = query.get("resourceVersionMatch")
        if match and wanted is None:
            detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            cause = forbidden_field("resourceVersionMatch", detail)
            raise invalid("ListOptions", "meta.k8s.io", "", [cause])
        if match == "Exact" and wanted is not None:
            stale = wanted
        revision, after = (None, None)
        if token:
            revision, after = decode_token(token)
        if stale is not None:
            objects: Sequence[Object] = store.at(resource.table, selection.namespace, stale)
            revision = stale
        elif limit or token:
            objects = store.snapshot(resource.table, selection.namespace, revision)
        else:
            objects = store.list(resource.table, selection.namespace)
        views = (self._registry.view(resource, obj) for obj in objects)
        selected = [obj for obj in views if selection.matches(obj)]
        exact = not selection.labels and not selection.fields
        return page(selected, revision or store.revision, limit, after, exact=exact)

    def create(
        self, resource: Resource, info: RequestInfo, body: Any, options: WriteOptions
    ) -> Answer:
        """Create an object."""
        namespace = info.namespace if resource.namespaced else ""
        if resource.namespaced and not namespace:
            raise NoSuchPathError
        created = self._registry.create(resource, namespace, body, options)
        return Answer(201, created, options.warnings)

    def update(
        self, resource: Resource, info: RequestInfo, body: Any, options: WriteOptions
    ) -> Answer:
        """Replace an object or its status."""
        namespace = info.namespace if resource.namespaced else ""
        updated, created = self._registry.update(
            resource, namespace, info.name, body, options, subresource=info.subresource
        )
        return Answer(201 if created else 200, updated, options.warnings)

    def patch(
        self,
        resource: Resource,
        info: RequestInfo,
        content_type: str,
        body: bytes,
        options: WriteOptions,
    ) -> Answer:
        """Patch an object or its status."""
        change = _patcher(resource, content_type, body)
        namespace = info.namespace if resource.namespaced else ""
        patched = self._registry.patch(
            resource, namespace, info.name, change, options, subresource=info.subresource
        )
        return Answer(200, patched, options.warnings)

    def delete(
        self, resource: Resource, info: RequestInfo, query: Mapping[str, str], body: Any
    ) -> Answer:
        """Delete an object."""
        options = DeleteOptions.read(query, body)
        namespace = info.namespace if resource.namespaced else ""
        obj, gone = self._registry.delete(resource, namespace, info.name, options)
        warnings = []
        if resource.strategy.orphans_by_default and options.propagation is None:
            warnings.append(_ORPHAN_WARNING)
        if not gone or resource.strategy.returns_deleted:
            return Answer(200, obj, warnings)
        details = {"name": info.name, "kind": resource.plural, "uid": obj["metadata"]["uid"]}
        if resource.group:
            details["group"] = resource.group
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return Answer(200, status | {"details": details}, warnings)

    def delete_collection(
        self, resource: Resource, info: RequestInfo, query: Mapping[str, str], body: Any
    ) -> Answer:
        """Delete every selected object."""
        options = DeleteOptions.read(query, body)
        listed = self.list(resource, info, query, Form.OBJECT)
        for obj in listed.body["items"]:
            namespace = obj["metadata"].get("namespace", "")
            self._registry.delete(resource, namespace, name_of(obj), options)
        return listed


def _patcher(resource: Resource, content_type: str, body: bytes) -> Callable[[Object], Any]:
    kind = content_type.partition(";")[0].strip().lower()
    offered = [JSON_PATCH, MERGE_PATCH]
    if not resource.custom:
        offered.append(STRATEGIC_PATCH)
    if kind == APPLY_PATCH or (kind == STRATEGIC_PATCH and resource.custom):
        raise _unsupported_patch(offered)
    if kind not in offered:
        raise _unsupported_patch(offered)
    try:
        patch = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise bad_request(f"error decoding patch: {error}") from error
    if kind == JSON_PATCH:
        return lambda obj: json_patch(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}"
        )
    if kind == MERGE_PATCH:
        return lambda obj: merge_patch(obj, patch)
    return lambda obj: strategic_merge_patch(resource.node, obj, patch)


def _unsupported_patch(offered: Sequence[str]) -> ApiError:
    return ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(offered),
    )
