"""A Job with its pods, and what follows from the two."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from devcluster.jobcontroller.indexes import parse_indexes
from devcluster.jobcontroller.model import Job, Pod
from devcluster.jobcontroller.policy import judge

MOST_AT_ONCE = 500
"""Pods that one step creates, removes or counts at most."""


@dataclass(frozen=True)
class View:
    """The Job and its pods, with what follows from them."""

    job: Job
    pods: Sequence[Pod]
    uncounted: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        noted = self.job.status.get("uncountedTerminatedPods") or {}
        lists = {kind: list(noted.get(kind) or ()) for kind in ("succeeded", "failed")}
        object.__setattr__(self, "uncounted", lists)

    @cached_property
    def active(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.active]

    @cached_property
    def terminating(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.terminating]

    def _new(self, kind: str) -> list[Pod]:
        noted = set(self.uncounted[kind])
        return [
            pod
            for pod in self.pods
            if pod.tracked and pod.uid not in noted and self.job.in_range(pod)
        ]

    @cached_property
    def succeeded_indexes(self) -> frozenset[int]:
        known = parse_indexes(
            self.job.status.get("completedIndexes") or "", self.job.completions or 0
        )
        return known | {
            pod.index for pod in self._new("succeeded") if pod.succeeded and pod.index is not None
        }

    @cached_property
    def failed_indexes(self) -> frozenset[int]:
        return self._failed_of(self.pods)

    @cached_property
    def failed_by_themselves(self) -> frozenset[int]:
        """Failed indexes without those that end only because the Job does."""
        return self._failed_of([pod for pod in self.pods if not pod.deleted])

    def _failed_of(self, pods: Sequence[Pod]) -> frozenset[int]:
        limit = self.job.backoff_limit_per_index
        if limit is None:
            return frozenset()
        known = parse_indexes(self.job.status.get("failedIndexes") or "", self.job.completions or 0)
        failed = set()
        for pod in pods:
            if pod.tracked and self.job.in_range(pod) and self.job.failed(pod):
                verdict = judge(self.job, pod)
                if verdict.fail_index or (verdict.counted and pod.failures >= limit):
                    assert pod.index is not None
                    failed.add(pod.index)
        return known | failed

    @cached_property
    def succeeded(self) -> int:
        """Successes, counted or not."""
        if self.job.indexed:
            return len(self.succeeded_indexes)
        new = sum(pod.succeeded for pod in self._new("succeeded"))
        return int(self.job.status.get("succeeded", 0)) + new + len(self.uncounted["succeeded"])

    @cached_property
    def failed(self) -> int:
        """Failures that count, counted or not."""
        new = sum(
            self.job.failed(pod) and judge(self.job, pod).counted for pod in self._new("failed")
        )
        return int(self.job.status.get("failed", 0)) + new + len(self.uncounted["failed"])

    @cached_property
    def replaceable(self) -> dict[int, Pod]:
        """By index: the failed pod that is kept until its replacement carries its count on."""
        if self.job.backoff_limit_per_index is None:
            return {}
        settled = self.succeeded_indexes | self.failed_indexes
        settled |= {pod.index for pod in self.active if pod.index is not None}
        kept: dict[int, Pod] = {}
        for pod in self.pods:
            if not (pod.tracked and self.job.in_range(pod) and self.job.failed(pod)):
                continue
            assert pod.index is not None
            if pod.index in settled:
                continue
            other = kept.get(pod.index)
            if other is None or (
                pod.failures + pod.ignored >= other.failures + other.ignored
                and pod.finished >= other.finished
            ):
                kept[pod.index] = pod
        return kept
