"""JSON patch (RFC 6902), merge patch (RFC 7386) and Kubernetes' strategic merge patch."""

from collections.abc import Mapping, Sequence
from typing import Any

from devcluster.apiserver.errors import ApiError, bad_request
from devcluster.apiserver.schema.node import Node

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a merge patch; null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Any, operations: Any) -> Any:
    """Apply a JSON patch to a document that may be changed.

    Raises:
        ApiError: 400, the patch cannot be read; 422, it cannot be applied.
    """
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp"
        )
    document = {"": target}
    for operation in operations:
        if not isinstance(operation, dict) or "op" not in operation or "path" not in operation:
            raise _unprocessable("an operation needs op and path")
        _operate(document, operation)
    return document[""]


def _unprocessable(why: str) -> ApiError:
    # Kubernetes does not say which operation failed; the chained text is for debuggers.
    error = ApiError(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        details={},
    )
    error.add_note(why)
    return error


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise _unprocessable(f"invalid pointer {pointer!r}: it must start with '/'")
    parts = pointer.split("/")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _find(container: Any, step: str) -> Any:
    if isinstance(container, dict) and step in container:
        return container[step]
    if isinstance(container, list) and step.isdigit() and int(step) < len(container):
        return container[int(step)]
    raise _unprocessable(f"path member {step!r} does not exist")


def _get(document: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        document = _find(document, step)
    return document


def _operate(document: Any, operation: Mapping[str, Any]) -> None:
    steps = _steps(operation["path"])
    match operation["op"]:
        case "test":
            if _get(document, steps) != operation.get("value"):
                raise _unprocessable(f"testing path {operation['path']} failed: values differ")
        case "add":
            _add(document, steps, operation.get("value"))
        case "replace":
            if steps[-1] != "-":
                _get(document, steps)
            _set(document, steps, operation.get("value"))
        case "remove":
            _remove(document, steps)
        case "copy":
            _add(document, steps, _get(document, _steps(operation["from"])))
        case "move":
            source = _steps(operation["from"])
            value = _get(document, source)
            _remove(document, source)
            _add(document, steps, value)
        case other:
            raise _unprocessable(f"unexpected kind: {other}")


def _add(document: Any, steps: Sequence[str], value: Any) -> None:
    container = _get(document, steps[:-1])
    step = steps[-1]
    if isinstance(container, list):
        if step == "-":
            container.append(value)
            return
        if not step.isdigit() or int(step) > len(container):
            raise _unprocessable(f"unable to access invalid index: {step}")
        container.insert(int(step), value)
    elif isinstance(container, dict):
        container[step] = value
    else:
        raise _unprocessable(f"add operation does not apply: no such container at {step!r}")


def _set(document: Any, steps: Sequence[str], value: Any) -> None:
    container = _get(document, steps[:-1])
    if isinstance(container, dict):
        container[steps[-1]] = value
    elif isinstance(container, list) and steps[-1] != "-":
        container[int(steps[-1])] = value
    else:
        raise _unprocessable(f"replace operation does not apply at {steps[-1]!r}")


def _remove(document: Any, steps: Sequence[str]) -> None:
    if steps == [""]:
        raise _unprocessable("remove operation does not apply to the whole document")
    container = _get(document, steps[:-1])
    _find(container, steps[-1])
    del container[int(steps[-1]) if isinstance(container, list) else steps[-1]]


_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_PREFIX = "$deleteFromPrimitiveList/"
_ORDER_PREFIX = "$setElementOrder/"


def strategic_merge_patch(node: Node, target: Any, patch: Any) -> Any:
    """Apply a strategic merge patch; the schema's merge keys say how lists merge.

    Raises:
        ApiError: 400, an entry of a list lacks the list's merge key.
    """
    if not isinstance(patch, dict):
        return patch
    match patch.get(_DIRECTIVE):
        case "replace":
            return {key: value for key, value in patch.items() if key != _DIRECTIVE}
        case "delete":
            return {}
        case _:
            pass
    merged = dict(target) if isinstance(target, dict) else {}
    if isinstance(patch.get(_RETAIN_KEYS), list):
        merged = {key: value for key, value in merged.items() if key in patch[_RETAIN_KEYS]}
    for key, value in patch.items():
        if key in {_DIRECTIVE, _RETAIN_KEYS} or key.startswith(_ORDER_PREFIX):
            continue
        if key.startswith(_DELETE_PREFIX):
            name = key.removeprefix(_DELETE_PREFIX)
            merged[name] = [item for item in merged.get(name) or () if item not in value]
            continue
        child = node.properties.get(key)
        if child is None:
            child = node.additional if isinstance(node.additional, Node) else Node()
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, list) and child.merge_key is not None:
            merged[key] = _merge_list(child, merged.get(key) or [], value)
        else:
            merged[key] = strategic_merge_patch(child, merged.get(key), value)
    for key, order in patch.items():
        name = key.removeprefix(_ORDER_PREFIX)
        if key.startswith(_ORDER_PREFIX) and isinstance(merged.get(name), list):
            merged[name] = _ordered(node.properties.get(name) or Node(), merged[name], order)
    return merged


def _merge_list(node: Node, target: Sequence[Any], patch: Sequence[Any]) -> list[Any]:
    merge_key = node.merge_key
    if merge_key == "":
        return [*target, *(item for item in patch if item not in target)]
    assert merge_key is not None
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if item.get(_DIRECTIVE) != "replace"]
    merged = list(target)
    for item in patch:
        if not isinstance(item, dict) or merge_key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {merge_key}")
        index = next(
            (i for i, old in enumerate(merged) if old.get(merge_key) == item[merge_key]), None
        )
        if item.get(_DIRECTIVE) == "delete":
            merged = [old for old in merged if old.get(merge_key) != item[merge_key]]
        elif index is None:
            merged.append(strategic_merge_patch(node.item, {}, item))
        else:
            merged[index] = strategic_merge_patch(node.item, merged[index], item)
    return merged


def _ordered(node: Node, items: Sequence[Any], order: Sequence[Any]) -> list[Any]:
    """The items in the order asked for; those that it does not name keep their place at the end."""
    merge_key = node.merge_key

    def identity(item: Any) -> Any:
        return item.get(merge_key) if merge_key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    known = sorted(
        (item for item in items if identity(item) in wanted),
        key=lambda item: wanted.index(identity(item)),
    )
    return [*known, *(item for item in items if identity(item) not in wanted)]
