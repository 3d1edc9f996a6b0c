"""How long a failed pod's replacement waits: 10 s, doubled by every further failure, 10 min."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devcluster.jobcontroller.model import Pod

_NOT_AT_ALL = timedelta(0)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The first delay, and the longest."""

    base: timedelta = timedelta(seconds=10)
    cap: timedelta = timedelta(minutes=10)

    def remaining(self, failures: int, last: datetime, now: datetime) -> timedelta:
        """How much of the delay is left at ``now`` when the last failure was at ``last``."""
        if failures == 0:
            return _NOT_AT_ALL
        delay = min(self.base * (1 << min(failures - 1, 30)), self.cap)
        return max(last + delay - now, _NOT_AT_ALL)

    def for_index(self, replaced: Pod | None, now: datetime) -> timedelta:
        """The delay of an index whose last pod failed; none for a pod that replaces nothing."""
        if replaced is None:
            return _NOT_AT_ALL
        return self.remaining(replaced.failures + replaced.ignored + 1, replaced.finished, now)

    def for_job(self, failed: Sequence[Pod], succeeded: Sequence[Pod], now: datetime) -> timedelta:
        """The delay of a whole Job: failures since its last success count."""
        since = max((pod.finished for pod in succeeded), default=None)
        ends = [pod.finished for pod in failed if since is None or pod.finished > since]
        return self.remaining(len(ends), max(ends), now) if ends else _NOT_AT_ALL
