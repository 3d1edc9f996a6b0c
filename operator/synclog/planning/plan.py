"""The decision: what an export needs now, from what is observed and the time."""

from synclog.planning.model import Observed, Plan
from synclog.windows import Instant


def plan(observed: Observed, now: Instant) -> Plan:
    """Decide what to do about one SyncLogExport.

    Args:
        observed: the resource, its status and its runs.
        now: the time.
    """
    return Plan(status=observed.status, wakeup=now)
