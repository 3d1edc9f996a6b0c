"""What to do about a Job now: a pure function of the Job, its pods and the time.

One decision is one step. Whoever acts on it first removes and creates pods; if there were any,
he decides again before he writes the status. When there are none, he writes the status, then
takes the finalizer off the pods in ``release``, and decides again. So a pod's end is noted in
``uncountedTerminatedPods`` (or ``completedIndexes``) before its finalizer goes, and counted once
after; a crash between any two steps counts nothing twice and forgets nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.ending import Ending, deadline, ending_of
from devcluster.jobcontroller.manage import NewPod, Removal, manage
from devcluster.jobcontroller.model import Job, Pod
from devcluster.jobcontroller.track import Notice, track
from devcluster.jobcontroller.view import View


@dataclass(frozen=True, slots=True)
class Decision:
    """One step; the status is right for the pods as they are, before anything is done."""

    status: dict[str, Any]
    remove: tuple[Removal, ...] = ()
    create: tuple[NewPod, ...] = ()
    release: tuple[Pod, ...] = ()
    notices: tuple[Notice, ...] = ()
    again: timedelta | None = None
    """When to decide again even if nothing changes."""
    begun: Ending | None = None
    """The end for which pods are removed: what they look like then does not change the reason."""


def sync(
    job: Job, pods: Sequence[Pod], now: datetime, backoff: Backoff, begun: Ending | None = None
) -> Decision:
    """Decide the next step of a Job that is not finished.

    Args:
        job: The Job.
        pods: Its pods.
        now: The time.
        backoff: How long failed pods wait for their replacement.
        begun: What the decision before said of an end that it began.
    """
    view = View(job, sorted(pods, key=lambda pod: -1 if pod.index is None else pod.index))
    ending = begun or ending_of(view, now)
    remove: list[Removal] = []
    create: list[NewPod] = []
    waits = [] if ending else deadline(job, now)
    if ending:
        # Not counted here: their finalizers go with everybody else's, after the status is written.
        remove = [Removal(pod, release=False) for pod in view.active]
    elif not job.deleted:
        remove, create, wait = manage(view, now, backoff)
        waits += wait
    begun = ending
    if remove:
        ending = None  # announced when nothing runs that could still be created or counted
    status, release, notices = track(view, ending, now)
    return Decision(
        status=status,
        remove=tuple(remove),
        create=tuple(create),
        release=tuple(release),
        notices=tuple(notices),
        again=min(waits, default=None),
        begun=begun,
    )
