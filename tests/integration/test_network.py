"""Links that break: between replicas and the API server, the node and the API server, and all."""

import os
import random
import signal

import pytest

from devcluster.code42.behaviour import patched
from support.replicas import acted_out_of_turn, run_twice

TERMS = ("--lease-duration=6s", "--renew-deadline=3s", "--retry-period=500ms")
"""Long enough for a busy machine, short enough for a test."""


def pair(world):
    """Two replicas, each with a link of its own; and the links."""
    wires = [world.net.wire(world.cluster.server) for _ in range(2)]
    return [world.replica(*TERMS, by=wire.url) for wire in wires], wires


def leader_of(world, replicas, eventually):
    """The number of the replica that holds the Lease."""

    def look():
        lease = world.api.get("leases", "synclog-system", "synclog-operator") or {}
        holder = (lease.get("spec") or {}).get("holderIdentity")
        for number, replica in enumerate(replicas):
            said = replica.process.says("leading")
            if said and said["identity"] == holder and replica.process.says("cluster seen"):
                return number, replica.process
        return None

    return eventually(look, "one replica leads")


def slow(world):
    """Make exporters take a moment, so that something happens to them while they run."""
    world.source.behave(patched(world.source.behaviour, {"faults": {"latency_ms": 700}}))


@pytest.mark.parametrize("how", ["cut", "silence"])
def test_everything_loses_the_api_server_and_goes_on_after(world, eventually, how):
    slow(world)
    replicas, wires = pair(world)
    world.create(range={"rolling": {"from": world.days_ago(12), "settleDelay": "2s"}})
    eventually(lambda: list(world.archive().rglob("*.csv.gz")), "exporters are at work")
    _, process = leader_of(world, replicas, eventually)
    for wire in (*wires, world.node):
        getattr(wire, how)()
    # The exporters need no API server: those that run commit what they were told to.
    eventually(process.poll, "the leader stops, for it cannot renew")
    assert process.poll() == 1
    for wire in (*wires, world.node):
        wire.mend()
    world.answered("after the outage")
    world.complete()
    world.prove()
    assert acted_out_of_turn(replicas) == []
    assert run_twice(replicas) == []


def test_the_control_plane_is_started_anew_under_running_exporters(world, eventually):
    slow(world)
    replica = world.replica(*TERMS)
    world.create(range={"rolling": {"from": world.days_ago(8), "settleDelay": "2s"}})
    eventually(lambda: list(world.archive().rglob("*.csv.gz")), "exporters are at work")
    world.cluster.stop()
    eventually(replica.codes.copy, "the leader stops, for it cannot renew")
    world.cluster.launch()
    world.answered("after the outage")
    world.complete()
    world.prove()


@pytest.mark.parametrize("how", ["cut", "silence"])
def test_a_leader_behind_a_broken_link_is_replaced_and_comes_back(world, eventually, how):
    slow(world)
    replicas, wires = pair(world)
    world.create(range={"rolling": {"from": world.days_ago(10), "settleDelay": "2s"}})
    eventually(lambda: world.status().get("active"), "a run is under way")
    old, process = leader_of(world, replicas, eventually)
    getattr(wires[old], how)()
    eventually(lambda: leader_of(world, replicas, eventually)[0] != old, "the other one leads")
    world.answered("over to you")
    assert eventually(process.poll, "the old leader ends") == 1
    wires[old].mend()
    world.complete()
    world.answered("both again")
    world.complete()
    world.prove()
    assert acted_out_of_turn(replicas) == []
    assert run_twice(replicas) == []
    assert leader_of(world, replicas, eventually)[0] != old, "nobody took it from the new one"


def test_a_leader_that_was_frozen_wakes_up_and_goes(world, eventually):
    slow(world)
    replicas, _ = pair(world)
    world.create(range={"rolling": {"from": world.days_ago(10), "settleDelay": "2s"}})
    eventually(lambda: world.status().get("active"), "a run is under way")
    old, process = leader_of(world, replicas, eventually)
    os.kill(process.process.pid, signal.SIGSTOP)
    eventually(lambda: leader_of(world, replicas, eventually)[0] != old, "the other one leads")
    world.answered("while it sleeps")
    os.kill(process.process.pid, signal.SIGCONT)
    assert eventually(process.poll, "it notices") == 1
    world.complete()
    world.prove()
    assert run_twice(replicas) == []


def test_connections_that_break_all_the_time_do_not_stop_it(world, eventually):
    slow(world)
    chance = random.Random(5)
    replicas, wires = pair(world)
    world.create(range={"rolling": {"from": world.days_ago(10), "settleDelay": "2s"}})
    eventually(lambda: world.status().get("active"), "a run is under way")
    for _ in range(15):
        chance.choice((*wires, world.node)).shake()
        world.wait_a_moment(chance, 0.5)
    world.answered("after the shaking")
    world.complete()
    world.prove()
    assert acted_out_of_turn(replicas) == []
