"""Whatever happens to the pods, and wherever the controller crashes, the counts come out right."""

import copy
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.indexes import parse_indexes
from devcluster.jobcontroller.model import FINALIZER, INDEX, read_job, read_pod
from devcluster.jobcontroller.pods import pod_of
from devcluster.jobcontroller.sync import sync
from devcluster.recorder import timestamp

BACKOFF = Backoff(timedelta(seconds=1), timedelta(seconds=4))


class Cluster:
    """An API server in miniature: one Job, its pods, and a clock."""

    def __init__(self, job, now):
        self.job = copy.deepcopy(job.raw)
        self.now = now
        self.pods = {}
        self.created = 0
        self.ends = []
        """Every end of a pod: its index and whether it was a success."""

    def step(self, crash_after=None):
        """One decision and what follows; a crash leaves the rest undone."""
        left = iter(range(10**6 if crash_after is None else crash_after))
        job, pods = read_job(self.job), [read_pod(pod) for pod in self.pods.values()]
        decision = sync(job, pods, self.now, BACKOFF)
        assert len([pod for pod in pods if pod.active]) <= job.parallelism
        for removal in decision.remove:
            if next(left, None) is None:
                return decision
            pod = self.pods[removal.pod.name]
            if removal.release:
                pod["metadata"]["finalizers"] = []
            self.delete(removal.pod.name)
        for new in decision.create:
            if next(left, None) is None:
                return decision
            self.create(pod_of(job, new))
        if decision.create or decision.remove or next(left, None) is None:
            return decision
        self.job["status"] = copy.deepcopy(decision.status)
        for pod in decision.release:
            if next(left, None) is None:
                return decision
            self.pods[pod.name]["metadata"]["finalizers"] = []
            self.collect(pod.name)
        return decision

    def create(self, pod):
        self.created += 1
        name = f"{pod['metadata']['generateName']}{self.created}"
        pod["metadata"] |= {
            "name": name,
            "uid": f"uid-{self.created}",
            "creationTimestamp": timestamp(self.now),
        }
        pod["status"] = {"phase": "Running", "containerStatuses": []}
        self.pods[name] = pod

    def delete(self, name):
        meta = self.pods[name]["metadata"]
        meta |= {"deletionTimestamp": timestamp(self.now), "deletionGracePeriodSeconds": 0}

    def end(self, name, code):
        pod = self.pods[name]
        ended = {"exitCode": code, "finishedAt": timestamp(self.now)}
        pod["status"] = {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "main", "state": {"terminated": ended}}],
        }
        self.ends.append((int(pod["metadata"]["annotations"][INDEX]), code == 0))
        self.collect(name)

    def collect(self, name):
        """A deleted pod goes when it has ended and carries no finalizer."""
        pod = self.pods[name]
        over = pod["status"]["phase"] != "Running"
        if over and "deletionTimestamp" in pod["metadata"] and not pod["metadata"]["finalizers"]:
            del self.pods[name]

    def running(self):
        return [name for name, pod in self.pods.items() if pod["status"]["phase"] == "Running"]


# The fixtures only make values, so that one for all examples is right.
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_every_end_is_counted_once(data, make_job, now):
    completions = data.draw(st.integers(1, 4))
    limit = data.draw(st.integers(0, 2))
    job = make_job(
        completions=completions,
        parallelism=data.draw(st.integers(1, 4)),
        backoffLimitPerIndex=limit,
    )
    cluster = Cluster(job, now)
    for _ in range(200):
        if read_job(cluster.job).finished:
            break
        cluster.step(crash_after=data.draw(st.none() | st.integers(0, 3)))
        running = cluster.running()
        if running and data.draw(st.booleans()):
            cluster.end(data.draw(st.sampled_from(running)), data.draw(st.sampled_from([0, 1])))
        cluster.now += timedelta(seconds=data.draw(st.integers(0, 3)))

    # Left alone, with pods that all succeed, every Job comes to its end.
    for _ in range(200):
        if read_job(cluster.job).finished:
            break
        decision = cluster.step()
        for name in cluster.running():
            cluster.end(name, 0)
        cluster.now += decision.again or timedelta(0)

    status = cluster.job["status"]
    completed = parse_indexes(status.get("completedIndexes", ""), completions)
    failed = parse_indexes(status.get("failedIndexes", ""), completions)
    assert read_job(cluster.job).finished
    assert completed == {index for index, success in cluster.ends if success}
    assert failed == set(range(completions)) - completed
    assert status.get("failed", 0) == sum(not success for _, success in cluster.ends)
    assert all(
        sum(not success for index, success in cluster.ends if index == one) == limit + 1
        for one in failed
    )
    assert not any(FINALIZER in pod["metadata"]["finalizers"] for pod in cluster.pods.values())
