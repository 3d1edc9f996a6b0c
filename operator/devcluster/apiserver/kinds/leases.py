"""Leases: what leader election and node heartbeats write."""

from collections.abc import Iterator

from devcluster.apiserver.errors import Cause, invalid_value
from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object


class LeaseStrategy(Strategy):
    """Leases."""

    creates_on_update = True
    unconditional = False

    def validate(self, obj: Object) -> Iterator[Cause]:
        spec = obj.get("spec") or {}
        duration = spec.get("leaseDurationSeconds")
        if duration is not None and duration <= 0:
            yield invalid_value("spec.leaseDurationSeconds", duration, "must be greater than 0")
        transitions = spec.get("leaseTransitions")
        if transitions is not None and transitions < 0:
            yield invalid_value(
                "spec.leaseTransitions", transitions, "must be greater than or equal to 0"
            )
