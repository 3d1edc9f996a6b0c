"""Events: one table, two API versions with different names for the same fields."""

from collections.abc import Iterator, Mapping

from devcluster.apiserver.errors import Cause, invalid_value, required
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
    converted["apiVersion"] = "events.k8s.io/v1"
    return converted


def from_events_group(obj: Object) -> Object:
    """An ``events.k8s.io/v1`` event as it is stored, marked by its own apiVersion until then."""
    converted = {_FROM_EVENTS_GROUP.get(key, key): value for key, value in obj.items()}
    converted["apiVersion"] = "v1"
    return converted


class EventStrategy(Strategy):
    """Events: the object that they are about lives in the same namespace."""

    creates_on_update = True

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
        if obj.get("eventTime") is None:
            return
        # With an eventTime the newer rules hold.
        if not obj.get("reportingComponent"):
            yield required("reportingController")
        if not obj.get("reportingInstance"):
            yield required("reportingInstance")
        if not obj.get("action"):
            yield required("action")
        if not obj.get("reason"):
            yield required("reason")
        if obj.get("type") not in {"Normal", "Warning"}:
            yield invalid_value("type", obj.get("type", ""), "has invalid value: ")
        if len((obj.get("message") or "").encode()) > 1024:
            yield Cause("message", "FieldValueTooLong", "can have at most 1024 characters")
