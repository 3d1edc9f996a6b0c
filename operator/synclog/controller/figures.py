"""The figures of each export, read from its status whenever Prometheus asks.

They live and die with the resource and survive a restart, because nothing is counted here: a
counter is what the status says. A counter that may be looked at with ``increase()`` exists at 0
from the beginning.

The text is written here and not by the client library: that takes over a second of CPU for the
150,000 samples of five thousand exports, at every scrape. Here an export's lines are written
when it changes.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synclog.api.status import ConditionStatus, ConditionType, GapState
from synclog.controller.cache import Store
from synclog.controller.objects import Export
from synclog.planning.conditions import oldest_missing_of
from synclog.planning.due import Skip
from synclog.planning.errors import SpecError
from synclog.planning.schedule import parse_schedule
from synclog.windows import SECOND, Instant, parse_duration, parse_time

logger = logging.getLogger(__name__)

PREFIX = "synclog_export_"
_OWN = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without the prefix, its kind, its help, its further labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    counter: bool = False


FAMILIES = (
    Family("info", "What is exported where.", ("schedule", "destination_type", "format")),
    Family("next_run_timestamp_seconds", "The next tick of the schedule."),
    Family(
        "next_success_deadline_timestamp_seconds",
        "When a run must have succeeded: the first tick after the last success, and the time "
        "that a run may take. No series where nothing is due: suspended, or without schedule.",
    ),
    Family("last_success_timestamp_seconds", "When a run last succeeded."),
    Family("covered_until_timestamp_seconds", "Up to where nothing is missing."),
    Family(
        "oldest_unexported_timestamp_seconds",
        "The oldest instant that is not exported, nor lost. No series where nothing is missing: "
        "a fixed range that is over, or look-backs that have all they asked for.",
    ),
    Family("source_retention_seconds", "How long the source keeps its log."),
    Family("coverage_gaps", "Ranges that came due and are not exported.", ("state",)),
    Family("lost_seconds", "Length of what the source forgot before it was exported."),
    Family("active_jobs", "Running Jobs."),
    Family("consecutive_failures", "Runs that failed since the last success."),
    Family("suspended", "1 where spec.suspend is true."),
    Family(
        "condition",
        "1 for the status that a condition has: true, false or unknown.",
        ("type", "status"),
    ),
    Family("runs_total", "Runs that ended.", ("result", "reason"), counter=True),
    Family("skipped_ticks_total", "Ticks without a run of their own.", ("reason",), counter=True),
    Family("events_total", "Events exported, as the ledger counts them.", counter=True),
    Family("bytes_total", "Bytes of records exported, uncompressed.", counter=True),
    Family("late_events_total", "Events that rechecks found late.", counter=True),
)

_LABELS = {family.name: family.labels for family in FAMILIES}

Sample = tuple[str, tuple[str, ...], float]
"""Name of the family, values of its further labels, value."""

_RUNS_AT_ZERO = ("Succeeded/Exported", "Failed/Failed", "Abandoned/Abandoned")
_SKIPS_AT_ZERO = tuple(skip.value for skip in Skip)


class Figures:
    """Turns the cache into Prometheus' text format."""

    def __init__(self, exports: Store[Export]) -> None:
        self._exports = exports
        self._known: dict[str, tuple[str, list[str]]] = {}
        """By uid: the version that was written down, and its lines for each family."""

    def render(self) -> str:
        """One family after the other, with the samples of every export."""
        known: dict[str, tuple[str, list[str]]] = {}
        for export in self._exports.all():
            version, lines = self._known.get(export.uid, ("", []))
            if version != export.version:
                lines = _written(export)
            known[export.uid] = (export.version, lines)
        self._known = known
        text: list[str] = []
        for number, family in enumerate(FAMILIES):
            name, kind = f"{PREFIX}{family.name}", "counter" if family.counter else "gauge"
            text.append(f"# HELP {name} {family.help}\n# TYPE {name} {kind}\n")
            text += [lines[number] for _, lines in known.values()]
        return "".join(text)


def _written(export: Export) -> list[str]:
    """The lines of one export. One with texts that nobody can read must not cost all others."""
    try:
        return lines_of(export)
    except ValueError as error:
        logger.warning("%s has no figures: %s", export, error)
        return [""] * len(FAMILIES)


def lines_of(export: Export) -> list[str]:
    """The lines of one export, for each family in order."""
    lines = dict.fromkeys((family.name for family in FAMILIES), "")
    own = (export.namespace, export.name)
    for name, labels, value in samples_of(export):
        pairs = zip(_OWN + _LABELS[name], own + labels, strict=True)
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in pairs)
        lines[name] += f"{PREFIX}{name}{{{told}}} {float(value)!r}\n"
    return list(lines.values())


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def samples_of(export: Export) -> Iterator[Sample]:
    """Everything that is to be said of one export."""
    status, spec = export.status, export.spec
    totals, coverage = status.totals, status.coverage
    if spec is not None:
        effective = status.effective_schedule or spec.schedule or ""
        yield "info", (effective, spec.destination.kind, spec.source.format.value), 1
        yield "source_retention_seconds", (), parse_duration(spec.source.retention) / SECOND
        yield "suspended", (), float(spec.suspend)
    times = {
        "next_run_timestamp_seconds": _first(status.next_schedule_times),
        "next_success_deadline_timestamp_seconds": deadline(export),
        "last_success_timestamp_seconds": _time(status.last_successful_time),
        "covered_until_timestamp_seconds": _time(status.covered_until),
        "oldest_unexported_timestamp_seconds": oldest_missing_of(spec, status),
    }
    for name, at in times.items():
        if at is not None:
            yield name, (), at / SECOND
    for state in GapState:
        gaps = coverage.gaps if coverage else []
        yield "coverage_gaps", (state.value,), sum(gap.state is state for gap in gaps)
    yield "lost_seconds", (), coverage.lost_seconds if coverage else 0
    yield "active_jobs", (), status.active_count
    yield "consecutive_failures", (), status.consecutive_failures
    for condition in status.conditions:
        for state_of in ConditionStatus:
            holds = float(condition.status is state_of)
            yield "condition", (condition.type, state_of.value.lower()), holds
    runs = dict.fromkeys(_RUNS_AT_ZERO, 0) | (totals.runs if totals else {})
    for key, count in runs.items():
        result, _, reason = key.partition("/")
        yield "runs_total", (result, reason), count
    for reason, count in (dict.fromkeys(_SKIPS_AT_ZERO, 0) | status.skipped).items():
        yield "skipped_ticks_total", (reason,), count
    yield "events_total", (), totals.events if totals else 0
    yield "bytes_total", (), totals.bytes if totals else 0
    yield "late_events_total", (), totals.late_events if totals else 0


def deadline(export: Export) -> Instant | None:
    """When a run must have succeeded, or None where nothing is due.

    Counted from the last success, or, where that is later, from when the schedule was last
    set or resumed: ticks in a pause were never promised.
    """
    spec, status = export.spec, export.status
    if spec is None or spec.schedule is None or spec.suspend or not status.next_schedule_times:
        return None
    try:
        schedule = parse_schedule(
            spec.schedule, spec.time_zone, f"{export.namespace}/{export.name}"
        )
    except SpecError:
        return None
    resumed = [
        parse_time(condition.last_transition_time)
        for condition in status.conditions
        if condition.type == ConditionType.SUSPENDED.value
    ]
    known = (_time(status.last_successful_time), _time(status.schedule_since), *resumed)
    since = max([export.created, *(at for at in known if at is not None)])
    tick = next(schedule.after(since))
    return tick + parse_duration(spec.run_timeout) + parse_duration(spec.pending_timeout)


def _first(times: Iterable[str]) -> Instant | None:
    return _time(next(iter(times), None))


def _time(text: str | None) -> Instant | None:
    return parse_time(text) if text else None
