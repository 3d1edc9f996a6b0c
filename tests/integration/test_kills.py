"""Operators, exporters and connections that die at random moments: nothing lost, nothing double."""

import os
import random
import signal
import time

from support.edits import exporters
from support.product import PATIENCE

KILLS = 20


def test_twenty_kills_at_random_moments_lose_and_double_nothing(world, eventually):
    chance = random.Random(4)
    operator = world.operator().leads()
    world.create(
        range={"rolling": {"from": world.days_ago(60), "settleDelay": "2s"}},
        schedule="* * * * *",
        backoffLimit=20,
    )
    killed = 0
    while killed < KILLS:
        eventually(world.jobs, "there is work")
        moment = time.monotonic() + chance.uniform(0.1, 1.5)
        victims = eventually(
            lambda moment=moment: time.monotonic() > moment and (exporters(world) or ["none"]),
            "the moment has come",
        )
        if victims != ["none"] and chance.random() < 0.6:
            os.kill(chance.choice(victims), signal.SIGKILL)
        else:
            operator.kill()
            operator = world.operator()
        killed += 1
    operator.leads()
    world.change(trigger="after the kills")
    eventually(
        lambda: world.status().get("lastTrigger") == "after the kills", "it answers", 3 * PATIENCE
    )
    world.complete()
    world.prove()


def test_a_second_replica_takes_over_inside_the_lease_time(world, eventually):
    name = "--lease-name=synclog-operator"
    first = world.operator(name, f"--namespaces={world.namespace}").leads()
    second = world.operator(name, f"--namespaces={world.namespace}")
    eventually(lambda: second.says("waiting for the Lease"), "the second one waits")
    world.create()
    world.complete()
    assert not second.says("leading")
    first.kill()
    second.leads()
    assert second.says("leading")
    world.change(trigger="over to you")
    eventually(lambda: world.status().get("lastTrigger") == "over to you", "the second one acts")
    world.complete()
    world.prove()


def test_a_leader_that_stops_gives_up_the_lease_at_once(world, eventually):
    first = world.operator("--lease-duration=60s", "--renew-deadline=50s").leads()
    second = world.operator("--lease-duration=60s", "--renew-deadline=50s")
    eventually(lambda: second.says("waiting for the Lease"), "the second one waits")
    assert first.stop() == 0
    second.leads()


def test_losing_the_lease_stops_the_process(world, eventually):
    operator = world.operator().leads()
    lease = {"spec": {"holderIdentity": "somebody else"}}
    world.api.patch("leases", "synclog-system", "synclog-operator", lease)
    assert eventually(operator.process.poll, "the process ends") == 1
