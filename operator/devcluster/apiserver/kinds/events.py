"""Events: one table, two API versions with different names for the same fields."""

from collections.abc import Iterator, Mapping

from devcluster.apiserver.errors import Cause, invalid_value, required
from devcluster.apiserver.kinds.labels import key_causes
from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object

_TO_EVENTS_GROUP: Mapping[str, str] = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_FROM_EVENTS_GROUP = {new: old for old, new in _TO_EVENTS_GROUP.items()}


def to_events_group(obj: Object) -> Object:
    """A stored (core/v1) event as ``events.k8s.io/v1``."""
    converted = {_TO_EVENTS_GROUP.get(key, key): value for key, value in obj.items()}
    for field in ("reportingController", "reportingInstance"):
        if not converted.get(field):
            converted.pop(field, None)
    converted["apiVersion"] = "events.k8s.io/v1"
    return converted


def from_events_group(obj: Object) -> Object:
    """An ``events.k8s.io/v1`` event as it is stored, marked by its own apiVersion until then."""
    converted = {_FROM_EVENTS_GROUP.get(key, key): value for key, value in obj.items()}
    converted["apiVersion"] = "v1"
    return converted


class EventStrategy(Strategy):
    """Events: the object that they are about lives in the same namespace.

    Args:
        strict: The rules of ``events.k8s.io/v1``, where an event is a fact that does not change.
    """

    creates_on_update = True

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict

    def default(self, obj: Object) -> None:
        obj.setdefault("source", {})
        obj.setdefault("reportingComponent", "")
        obj.setdefault("reportingInstance", "")
        for field in ("firstTimestamp", "lastTimestamp", "eventTime"):
            obj.setdefault(field, None)

    def validate(self, obj: Object) -> Iterator[Cause]:
        about = obj.get("involvedObject") or {}
        namespace = obj["metadata"].get("namespace")
        if (about.get("namespace") or "default") != namespace:
            yield invalid_value(
                "involvedObject.namespace",
                about.get("namespace", ""),
                "does not match event.namespace",
            )
        if obj.get("eventTime") is not None:
            yield from _new_style_causes(obj)
        elif self._strict:
            yield required("eventTime")

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        if not self._strict:
            return
        for field in _FACTS:
            if new.get(field) != old.get(field):
                yield invalid_value(field, new.get(field), "field is immutable")


_FACTS = (
    "involvedObject",
    "reason",
    "message",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
)


def _new_style_causes(obj: Object) -> Iterator[Cause]:
    """The rules for events that have an eventTime."""
    if not obj.get("reportingComponent"):
        yield required("reportingController")
    yield from key_causes(obj.get("reportingComponent") or "", "reportingController")
    for field in ("reportingInstance", "action", "reason"):
        if not obj.get(field):
            yield required(field)
    if obj.get("type") not in {"Normal", "Warning"}:
        yield invalid_value("type", obj.get("type", ""), "has invalid value: ")
    if len((obj.get("message") or "").encode()) > 1024:
        yield invalid_value("message", "", "can have at most 1024 characters")
