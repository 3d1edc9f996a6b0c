"""From a request's body to an object of a resource's version, and from storage to a reader."""

from typing import Any

import msgspec

from devcluster.apiserver.errors import ApiError, bad_request, invalid, invalid_value
from devcluster.apiserver.kinds.core import check_base64
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.registry.strict import repeated_fields
from devcluster.apiserver.schema.decode import DecodeError, apply_defaults, decode_builtin, prune
from devcluster.apiserver.schema.models import node_of

_META = node_of("V1ObjectMeta")


def decode(
    resource: Resource, body: Any, options: WriteOptions, *, patched: bool = False
) -> Object:
    """The object of a body: known fields only, custom resources defaulted.

    Args:
        resource: The version that the body is of.
        body: The document.
        options: How strict to be.
        patched: The document is a patch's result; Kubernetes refuses it in other words.

    Raises:
        ApiError: 400, the body is no such object, or has unknown fields and must not.
    """
    if not isinstance(body, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get "
            f"version/kind; json parse error: the body is no JSON object"
        )
    _check_type(resource, body)
    unknown: list[str] = []
    patch = body if patched else None
    repeated = [f'duplicate field "{field}"' for field in repeated_fields(body)]
    try:
        obj = _decode(resource, body, unknown)
    except DecodeError as error:
        raise _unhandled(resource, str(error), patch) from error
    if resource.kind == "Secret" and (complaint := check_base64(obj)):
        raise _unhandled(resource, complaint, patch)
    obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
    obj["metadata"].pop("managedFields", None)
    complaints = [f'unknown field "{field}"' for field in unknown] + repeated
    if complaints and options.validation == "Strict":
        raise _unhandled(resource, f"strict decoding error: {', '.join(complaints)}", patch)
    if options.validation == "Warn":
        options.warnings.extend(complaints)
    for finalizer in obj["metadata"].get("finalizers") or ():
        if resource.custom and "/" not in finalizer:
            options.warnings.append(
                f'metadata.finalizers: "{finalizer}": prefer a domain-qualified finalizer name '
                "to avoid accidental conflicts with other finalizer writers"
            )
    return obj if resource.decode is None else resource.decode(obj)


def _decode(resource: Resource, body: Object, unknown: list[str]) -> Object:
    if not resource.custom:
        decoded: Object = decode_builtin(resource.node, body, "", unknown.append)
        decoded.setdefault("metadata", {})
        return decoded
    metadata = decode_builtin(
        _META, body.get("metadata") or {}, "", lambda field: unknown.append(f"metadata.{field}")
    )
    pruned = prune(resource.node, {**body, "metadata": {}}, "", unknown.append)
    defaulted: Object = apply_defaults(resource.node, pruned)
    return {**defaulted, "metadata": metadata}


def _check_type(resource: Resource, body: Object) -> None:
    kind, version = body.get("kind"), body.get("apiVersion")
    if not resource.custom:  # typed clients may leave both out
        kind, version = kind or resource.kind, version or resource.api_version
    if not kind:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' "
            "is missing"
        )
    if version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({version or ''}) does not match the expected API "
            f"version ({resource.api_version})"
        )
    if kind != resource.kind:
        if resource.custom:
            name = str((body.get("metadata") or {}).get("name") or "")
            cause = invalid_value("kind", kind, f"must be {resource.kind}")
            raise invalid(str(kind), resource.group, name, [cause])
        raise bad_request(
            f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"converting ({kind}) to ({resource.kind}): unknown conversion"
        )


def _unhandled(resource: Resource, complaint: str, patch: Any) -> ApiError:
    if patch is not None:
        shown = msgspec.json.encode(patch).decode()
        return invalid("", "", "", [invalid_value("patch", shown, complaint)])
    return bad_request(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a '
        f"{resource.kind}: {complaint}"
    )


def view(resource: Resource, obj: Object, *, fill: bool = False) -> Object:
    """A stored object as readers of this version see it.

    Args:
        resource: The version that is read.
        obj: The stored object.
        fill: The object was stored under an older schema: prune and default it by today's.
    """
    if resource.encode is not None:
        return resource.encode(obj)
    if not resource.custom:
        return obj
    if fill:
        filled = prune(resource.node, obj, "", lambda _: None)
        obj = {**apply_defaults(resource.node, filled), "metadata": obj["metadata"]}
    return {**obj, "apiVersion": resource.api_version, "kind": resource.kind}
