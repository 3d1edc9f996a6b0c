"""``synclog-operator check``: what a SyncLogExport would do, told without a cluster."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from synclog.api import names
from synclog.api.admission import admit
from synclog.api.spec import SyncLogExportSpec
from synclog.cli import manifests
from synclog.controller.objects import export_of
from synclog.controller.refusals import refusal_of
from synclog.planning.errors import SpecError
from synclog.planning.intent import Intent, read_intent
from synclog.planning.slots import MOST_WINDOWS
from synclog.windows import (
    Instant,
    Window,
    format_duration,
    format_seconds,
    format_time,
    piece,
    pieces,
    to_datetime,
)

_TICKS = 10


class CheckError(Exception):
    """Raised when a file holds no SyncLogExport, or is no YAML at all."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be said of one resource."""

    good: bool
    """Whether the operator would serve it."""
    text: str


def check(text: str, now: Instant | None = None) -> list[Report]:
    """Explain every SyncLogExport in a YAML or JSON text.

    Args:
        text: one or more documents; kinds other than SyncLogExport are passed over.
        now: the time; default: this machine's.

    Raises:
        CheckError: there is none in it.
    """
    moment = time.time_ns() // 1_000_000 if now is None else now
    try:
        documents = list(manifests.read(text))
    except yaml.YAMLError as error:
        raise CheckError(f"this is no YAML: {error}") from error
    found = [document for document in documents if document.get("kind") == names.KIND]
    if not found:
        raise CheckError(f"no {names.KIND} in it")
    return [_explain(document, moment) for document in found]


def _explain(document: dict[str, Any], now: Instant) -> Report:
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace = str(metadata.get("namespace") or "default")
    name = str(metadata.get("name") or "")
    title = f"{names.KIND} {namespace}/{name}"
    stored, found = admit(document)
    problems = [str(problem) for problem in found]
    if document.get("apiVersion") != names.API_VERSION:
        problems.insert(0, f"apiVersion: write {names.API_VERSION}")
    if not problems:
        try:
            export = export_of(_stored(namespace, name, stored["spec"]))
            refusal = refusal_of(export, ())
            if refusal or export.spec is None:
                problems.append(refusal[1] if refusal else export.problem)
            else:
                intent = read_intent(export.spec, namespace, name)
                return Report(True, "\n".join([title, *_story(export.spec, intent, now)]))
        except SpecError as error:
            problems.append(str(error))
    lines = [f"  problem      {problem}" for problem in problems]
    return Report(False, "\n".join([title, *lines]))


def _stored(namespace: str, name: str, spec: Any) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "uid": "check", "resourceVersion": "1"}
    return {"metadata": metadata | {"creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": spec}


def _story(spec: SyncLogExportSpec, intent: Intent, now: Instant) -> Iterator[str]:
    yield from _schedule(spec, intent, now)
    source = spec.source
    yield f"  source       {source.url}{source.path} ({source.format.value})"
    claim = spec.destination.persistent_volume_claim
    if claim is not None:
        folder = f", folder {claim.sub_path}" if claim.sub_path else ""
        yield f"  destination  PersistentVolumeClaim {claim.claim_name}{folder}"
    else:
        yield f"  destination  {spec.destination.url}"
    first, due = _first(intent, now), intent.settled(now)
    delay = format_duration(intent.settle_delay)
    yield f"  range        {_range(intent, first)}; settled after {delay}"
    if intent.start is not None and intent.start < first:
        kept = format_duration(intent.retention)
        yield f"               the source keeps {kept}, and has forgotten what is older"
    if spec.suspend:
        yield "  first run    none: spec.suspend is true"
        return
    yield "  first run    1 Job inspects source and destination and finds or starts the ledger"
    yield from _windows(spec, intent, first, due)


def _first(intent: Intent, now: Instant) -> Instant:
    """Where coverage would start now: not before what the source still has."""
    return max(intent.first(now), now - intent.retention)


def _range(intent: Intent, first: Instant) -> str:
    if intent.look_back is not None:
        long = format_duration(intent.look_back)
        return f"the last {long} at every run: what is missing is exported, the rest read again"
    until = f"until {format_time(intent.end)}" if intent.end is not None else "on, for ever"
    return f"from {format_time(intent.start or first)} {until}"


def _schedule(spec: SyncLogExportSpec, intent: Intent, now: Instant) -> Iterator[str]:
    schedule = intent.schedule
    if schedule is None:
        yield "  schedule     none: runs once, and when spec.trigger changes"
        return
    yield f"  schedule     {spec.schedule} is {schedule.effective}"
    if intent.over_at is not None and now >= intent.over_at:
        yield "  next ticks   none: the range is over; it is exported at once"
        return
    for number, tick in enumerate(itertools.islice(schedule.after(now), _TICKS)):
        head = "  next ticks   " if number == 0 else " " * 15
        local = to_datetime(tick).astimezone(schedule.zone).strftime("%a %Y-%m-%d %H:%M %Z")
        yield f"{head}{local} = {format_seconds(tick)}"


def _windows(
    spec: SyncLogExportSpec, intent: Intent, first: Instant, due: Instant
) -> Iterator[str]:
    if intent.end is not None and intent.end <= first:
        yield "               no window: the source has forgotten all of it"
        return
    if due <= first:
        yield f"               no window yet: nothing has settled before {format_time(first)}"
        return
    span = Window(first, due)
    many = pieces(span, intent.step)
    jobs = -(-many // MOST_WINDOWS)
    count = "1 window" if many == 1 else f"{many} windows"
    plural = "1 Job" if jobs == 1 else f"{jobs} Jobs, one after the other"
    beside = min(spec.parallelism, many)
    yield (
        f"               then {count} of at most {format_duration(intent.step)} in {plural}, "
        f"{beside} at a time:"
    )
    shown = range(many) if many <= 4 else (0, 1, None, many - 1)
    for index in shown:
        yield f"               {'…' if index is None else piece(span, intent.step, index)}"
