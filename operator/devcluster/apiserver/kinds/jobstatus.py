"""What the status of a Job may say, and which steps back it may not take."""

from collections.abc import Iterator, Mapping
from typing import Any

from devcluster.apiserver.errors import (
    Cause,
    duplicate,
    invalid_value,
    invalid_whole,
    required,
)
from devcluster.apiserver.objects import Object

_TERMINAL = ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet")


def _true(status: Mapping[str, Any]) -> set[str]:
    return {c["type"] for c in status.get("conditions") or () if c.get("status") == "True"}


def job_status_causes(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with a new status of a Job."""
    status, before = new.get("status") or {}, old.get("status") or {}
    for field in ("active", "succeeded", "failed", "ready", "terminating"):
        value = status.get(field)
        if value is not None and value < 0:
            yield invalid_value(f"status.{field}", value, "must be greater than or equal to 0")
    if (status.get("ready") or 0) > (status.get("active") or 0):
        yield invalid_value(
            "status.ready", status["ready"], "cannot set more ready pods than active"
        )
    yield from _condition_causes(status)
    uncounted = status.get("uncountedTerminatedPods") or {}
    succeeded = set(uncounted.get("succeeded") or ())
    for index, uid in enumerate(uncounted.get("failed") or ()):
        if uid in succeeded:
            yield duplicate(f"status.uncountedTerminatedPods.failed[{index}]", uid)
    completions = new["spec"].get("completions")
    for field in ("completedIndexes", "failedIndexes"):
        text = status.get(field)
        if text:
            problem = _indexes_problem(text, completions)
            if problem:
                detail = f"error parsing {field}: {problem}"
                yield invalid_value(f"status.{field}", text, detail)
    for kind in _TERMINAL:
        if kind in _true(before) and kind not in _true(status):
            yield invalid_whole("status.conditions", f"cannot disable {kind}=True condition")


def _condition_causes(status: Mapping[str, Any]) -> Iterator[Cause]:
    true, path = _true(status), "status.conditions"
    completed = status.get("completionTime")
    if "Complete" in true and not completed:
        detail = "completionTime is required for Complete jobs"
        yield required("status.completionTime", detail)
    if completed and "Complete" not in true:
        detail = "cannot set completionTime when there is no Complete=True condition"
        yield invalid_value("status.completionTime", completed, detail)
    if {"Complete", "Failed"} <= true:
        yield invalid_whole(path, "cannot set Complete=True and Failed=true conditions")
    if "Complete" in true and "SuccessCriteriaMet" not in true:
        yield invalid_whole(
            path, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        )
    if "Failed" in true and "FailureTarget" not in true:
        yield invalid_whole(
            path, "cannot set Failed=True condition without the FailureTarget=true condition"
        )
    if true & {"Complete", "Failed"}:
        if status.get("active"):
            yield invalid_value(
                "status.active", status["active"], "active>0 is invalid for finished job"
            )
        if not status.get("startTime"):
            yield required("status.startTime", "startTime is required for finished job")


def _indexes_problem(text: str, completions: int | None) -> str | None:
    """Why a text such as ``0-3,5`` does not name indexes of the Job."""
    for part in text.split(","):
        for number in part.split("-"):
            if not number.isdigit():
                return f'cannot convert string to integer for index: "{number}"'
            if completions is not None and int(number) >= completions:
                return f'too large index: "{number}"'
    return None
