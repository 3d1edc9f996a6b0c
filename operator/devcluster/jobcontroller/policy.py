"""What a Job's ``podFailurePolicy`` says of a failed pod, and its ``successPolicy`` of the Job."""

from dataclasses import dataclass
from typing import Any

from devcluster.jobcontroller.indexes import parse_indexes
from devcluster.jobcontroller.model import Job, Pod


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one failed pod is judged."""

    counted: bool = True
    """It counts towards the back-off limits."""
    fail_index: bool = False
    fail_job: str = ""
    """Why the whole Job fails; empty where it does not."""


def judge(job: Job, pod: Pod) -> Verdict:
    """Judge a failed pod by the first rule that matches; without one it is counted."""
    policy = job.spec.get("podFailurePolicy") or {}
    for position, rule in enumerate(policy.get("rules") or ()):
        if "onExitCodes" in rule:
            what = _match_exit_codes(pod, rule["onExitCodes"])
        else:
            what = _match_conditions(pod, rule.get("onPodConditions") or [])
        if what:
            action = rule["action"]
            return Verdict(
                counted=action != "Ignore",
                fail_index=action == "FailIndex",
                fail_job=f"{what} matching {action} rule at index {position}"
                if action == "FailJob"
                else "",
            )
    return Verdict()


def _full_name(pod: Pod) -> str:
    return f"{pod.raw['metadata'].get('namespace', '')}/{pod.name}"


def _match_exit_codes(pod: Pod, rule: dict[str, Any]) -> str:
    status = pod.raw.get("status", {})
    named = rule.get("containerName")
    for kind in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(kind) or ():
            code = container.get("state", {}).get("terminated", {}).get("exitCode", 0)
            listed = code in rule["values"]
            if (
                code != 0
                and (named is None or named == container["name"])
                and listed == (rule["operator"] == "In")
            ):
                return (
                    f"Container {container['name']} for pod {_full_name(pod)} failed "
                    f"with exit code {code}"
                )
    return ""


def _match_conditions(pod: Pod, patterns: list[dict[str, Any]]) -> str:
    for condition in pod.raw.get("status", {}).get("conditions") or ():
        for pattern in patterns:
            wanted = (pattern["type"], pattern.get("status", "True"))
            if (condition["type"], condition["status"]) == wanted:
                return f"Pod {_full_name(pod)} has condition {condition['type']}"
    return ""


def early_success(job: Job, succeeded: frozenset[int]) -> str:
    """Why the ``successPolicy`` is met before all indexes have succeeded; empty if it is not."""
    policy = job.spec.get("successPolicy") or {}
    for position, rule in enumerate(policy.get("rules") or ()):
        count = rule.get("succeededCount")
        if (text := rule.get("succeededIndexes")) is None:
            met = count is not None and len(succeeded) >= count
        else:
            wanted = parse_indexes(text, job.completions or 0)
            found = len(wanted & succeeded)
            met = bool(wanted) and (found == len(wanted) or (count is not None and found >= count))
        if met and succeeded:
            return f"Matched rules at index {position}"
    return ""
