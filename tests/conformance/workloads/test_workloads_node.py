"""The node itself: its signs of life, its end and its return, and what goes wrong with it."""

import os
import signal

import httpx
import pytest

from devcluster.client import LEASES, NODES, PODS
from support.workloads import conditions, ended, pod, state


@pytest.fixture
def switches(node):
    """Sets the node's fault switches; they are off again after the test."""
    url = f"https://127.0.0.1:{node.node_port}/_faults"
    with httpx.Client(verify=False) as client:  # a certificate of its own

        def switch(**wanted):
            answer = client.put(url, json=wanted)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield switch
        client.delete(url)


async def test_the_node_is_ready_and_renews_its_lease(kube):
    found = await kube.client.get(NODES, "", "devnode")
    assert conditions(found)["Ready"] == ("True", "KubeletReady")
    assert found["status"]["addresses"] == [{"type": "InternalIP", "address": "127.0.0.1"}]
    assert found["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] > 0
    lease = await kube.client.get(LEASES, "kube-node-lease", "devnode")
    assert lease["spec"]["holderIdentity"] == "devnode"
    assert lease["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]


SPOOL = {
    "volumes": [{"name": "spool", "emptyDir": {}}],
    "container": {"volumeMounts": [{"name": "spool", "mountPath": "/spool"}]},
}

UNTIL_GO = "while ! test -e /spool/go; do sleep 0.05; done; exit 5"


async def process_of(kube, name):
    """The process id of a pod's container, which its script tells (``$$$$`` stands for ``$$``)."""
    await kube.running(name)
    return int(await kube.until_log(name, b"\n"))


async def test_a_killed_process_is_a_failed_pod(kube):
    await kube.create(PODS, pod("killed", "echo $$$$; exec sleep 60"))
    os.kill(await process_of(kube, "killed"), signal.SIGKILL)
    done = await kube.until(PODS, "killed", ended)
    word, details = state(done)
    assert done["status"]["phase"] == "Failed"
    assert (word, details["exitCode"], details["reason"]) == ("terminated", 137, "Error")


async def test_a_cordoned_node_takes_no_pods(kube):
    await kube.client.patch(NODES, "", "devnode", {"spec": {"unschedulable": True}})
    await kube.create(PODS, pod("late", "exit 0"))
    waits = await kube.until(PODS, "late", conditions)
    assert conditions(waits)["PodScheduled"] == ("False", "Unschedulable")
    await kube.client.patch(NODES, "", "devnode", {"spec": {"unschedulable": None}})
    assert (await kube.until(PODS, "late", ended))["status"]["phase"] == "Succeeded"


async def test_the_switch_that_lets_no_pod_fit(kube, switches):
    switches(unschedulable=True)
    await kube.create(PODS, pod("late", "exit 0"))
    await kube.until_event("late", "FailedScheduling")
    switches(unschedulable=False)
    assert (await kube.until(PODS, "late", ended))["status"]["phase"] == "Succeeded"


async def test_the_switch_that_makes_pulling_slow(kube, switches):
    switches(pullDelaySeconds=30)
    await kube.create(PODS, pod("slow", "exit 0"))
    await kube.until_event("slow", "Pulling")
    slow = await kube.get(PODS, "slow")
    assert state(slow) == ("waiting", {"reason": "ContainerCreating"})
    await kube.delete(PODS, "slow")
    await kube.until(PODS, "slow", lambda item: item is None)


async def test_a_dead_node_neither_hears_nor_reports(kube, switches):
    await kube.create(PODS, pod("cut", "exec sleep 60"))
    await kube.running("cut")
    switches(dead=True)
    await kube.delete(PODS, "cut", gracePeriodSeconds=1)
    await kube.create(PODS, pod("never", "exit 0"))
    left = await kube.get(PODS, "cut")
    assert state(left)[0] == "running"
    assert "nodeName" not in (await kube.get(PODS, "never"))["spec"]
    switches(dead=False)
    await kube.until(PODS, "cut", lambda item: item is None)
    assert (await kube.until(PODS, "never", ended))["status"]["phase"] == "Succeeded"


async def test_a_runner_that_was_killed_goes_on_where_it_was(kube, node):
    await kube.create(PODS, pod("stays", "echo $$$$; exec sleep 60"))
    await kube.create(PODS, pod("ends", UNTIL_GO, **SPOOL))
    await kube.create(PODS, pod("vanishes", "echo $$$$; exec sleep 60"))
    stays = await process_of(kube, "stays")
    await kube.running("ends")
    vanishes = await process_of(kube, "vanishes")
    uid = (await kube.get(PODS, "ends"))["metadata"]["uid"]

    node.kill("podrunner")
    os.kill(vanishes, signal.SIGKILL)
    (node.directory / "pods" / uid / "volumes" / "spool" / "go").touch()
    node.restart("podrunner")

    ends = await kube.until(PODS, "ends", ended)
    assert state(ends)[1]["exitCode"] == 5
    vanished = await kube.until(PODS, "vanishes", ended)
    assert state(vanished)[1]["exitCode"] == 137
    kept = await kube.running("stays")
    assert kept["status"]["containerStatuses"][0]["restartCount"] == 0
    os.kill(stays, signal.SIGTERM)
    assert state(await kube.until(PODS, "stays", ended))[1]["exitCode"] == 143
