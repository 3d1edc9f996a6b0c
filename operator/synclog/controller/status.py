"""Writing status: by one owner, only what changed, only over what was read."""

import functools
from typing import Any

import msgspec

from synclog.api.status import ConditionType, SyncLogExportStatus
from synclog.controller.errors import ConflictError
from synclog.controller.gateway import EXPORTS, Document, Gateway
from synclog.controller.objects import Export, export_of
from synclog.planning.conditions import Finding
from synclog.planning.model import Plan
from synclog.planning.refusal import refuse
from synclog.windows import Instant


async def write_status(gateway: Gateway, export: Export, status: SyncLogExportStatus) -> Export:
    """Store a status if it differs from what was read, and return the export as it is then.

    Raises:
        ConflictError: the resource changed, or went, since it was read: look at it again.
    """
    body = patch_of(export, status)
    if body is None:
        return export
    stored = await gateway.patch(EXPORTS, export.namespace, export.name, body, subresource="status")
    if stored is None:
        raise ConflictError(f"SyncLogExport {export} is gone")
    return export_of(stored)


def patch_of(export: Export, status: SyncLogExportStatus) -> Document | None:
    """The merge patch that makes a status of what is stored, or None where nothing differs.

    It names the resourceVersion, so that it fails where somebody else wrote first.
    """
    if export.stray_status is None and status == export.status:
        return None
    before = export.stray_status or msgspec.to_builtins(export.status)
    changes = difference(before, document_of(status))
    metadata = {"uid": export.uid, "resourceVersion": export.version}
    return {"metadata": metadata, "status": changes}


def refusing(export: Export, reason: str, message: str, now: Instant) -> Plan:
    """The plan for a resource that cannot be served."""
    finding = Finding(ConditionType.READY, False, reason, message)
    return refuse(export.spec, export.status, export.generation, finding, now)


def document_of(value: Any) -> Any:
    """A status as JSON: what is empty is left out, but a zero is written.

    A column of ``kubectl get`` shows 0 where nothing would leave people to guess.
    """
    if isinstance(value, msgspec.Struct):
        pairs = ((written, getattr(value, name)) for name, written in _names_of(type(value)))
        return {name: document_of(item) for name, item in pairs if item not in (None, "", [], {})}
    if isinstance(value, dict):
        return {key: document_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [document_of(item) for item in value]
    return msgspec.to_builtins(value)


@functools.cache
def _names_of(model: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The fields of a model and their names in JSON; msgspec finds them anew at each call."""
    return tuple((field.name, field.encode_name) for field in msgspec.structs.fields(model))


def difference(before: Any, after: Any) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes ``after`` of ``before``."""
    changes: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = difference(old, value)
            if inner:
                changes[name] = inner
        elif old != value or isinstance(old, bool) is not isinstance(value, bool):
            changes[name] = value
    return changes
