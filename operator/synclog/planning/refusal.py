"""A resource that cannot be served: say so, touch nothing, and go on watching the source forget."""

from contextlib import suppress

from msgspec.structs import replace

from synclog.api.source import RETENTION
from synclog.api.spec import SyncLogExportSpec
from synclog.api.status import ConditionType, SyncLogExportStatus, shown_message
from synclog.planning import conditions
from synclog.planning.conditions import Finding
from synclog.planning.model import Event, Plan
from synclog.windows import Instant, Span, parse_duration


def refuse(
    spec: SyncLogExportSpec | None,
    status: SyncLogExportStatus,
    generation: int,
    finding: Finding,
    now: Instant,
) -> Plan:
    """The plan for a resource that cannot be served.

    Args:
        spec: the spec, as far as it is understood; None where it is not understood at all.
        status: what is stored.
        generation: of the spec.
        finding: why; its type is `Ready`.
        now: the time.
    """
    told = any(
        (known.type, known.reason, known.message)
        == (finding.type.value, finding.reason, shown_message(finding.message))
        for known in status.conditions
    )
    findings = [
        finding,
        Finding(
            ConditionType.PROGRESSING,
            None,
            finding.reason,
            "runs that are under way end, and are accounted for when this is served again",
        ),
    ]
    oldest, retention = conditions.oldest_missing_of(spec, status), _retention(spec)
    wakeup = None
    if oldest is not None:
        findings.append(conditions.headroom(oldest, retention, now))
        wakeup = conditions.at_risk_after(oldest, retention)
    new = replace(
        status,
        observed_generation=generation,
        conditions=conditions.record(status, findings, generation, now),
        summary="Invalid",
        next_schedule_times=[],
        next=None,
    )
    return Plan(
        status=new,
        events=() if told else (Event("Warning", finding.reason, finding.message),),
        wakeup=wakeup if wakeup is not None and wakeup > now else None,
    )


def _retention(spec: SyncLogExportSpec | None) -> Span:
    with suppress(ValueError):
        return parse_duration(spec.source.retention if spec else RETENTION)
    return parse_duration(RETENTION)
