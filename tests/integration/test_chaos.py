"""All of it at once, in an order that a seed decides.

``SYNCLOG_CHAOS_SEEDS=1,2,3`` runs other seeds, ``SYNCLOG_CHAOS_STEPS`` more steps of each.
"""

import logging
import os
import random
import signal

import pytest

from devcluster.client import load_kubeconfig
from devcluster.code42.behaviour import patched
from support.edits import EDITS, kill_an_exporter
from support.meddler import Meddler, Mood
from support.wallclock import set_ahead

SEEDS = [int(seed) for seed in os.environ.get("SYNCLOG_CHAOS_SEEDS", "1").split(",")]
STEPS = int(os.environ.get("SYNCLOG_CHAOS_STEPS", "40"))
TERMS = ("--lease-duration=3s", "--renew-deadline=2s", "--retry-period=300ms")
BAD = Mood(busy=0.1, lost=0.04, reset=0.04, conflict=0.1, watch=0.05)

logger = logging.getLogger(__name__)


class Troubles:
    """What can go wrong around two replicas, and how it is made good again."""

    def __init__(self, world, meddler):
        self.world, self.meddler = world, meddler
        authority = meddler.write_authority(world.folder / "ca.crt")
        self.wires = [world.net.wire(meddler.url) for _ in range(2)]
        self.clocks = [world.folder / f"clock-{number}" for number in range(2)]
        for clock in self.clocks:
            set_ahead(clock, 0)
        self.replicas = [
            world.replica(*TERMS, by=wire.url, authority=authority, clock=clock)
            for wire, clock in zip(self.wires, self.clocks, strict=True)
        ]
        self.done = []
        self._frozen = []

    def one(self, chance):
        """Do something."""
        own = (
            (self.cut, 3),
            (self.mend, 6),
            (self.shake, 3),
            (self.meddle, 3),
            (self.set_a_clock, 3),
            (self.kill_a_replica, 3),
            (self.freeze_a_replica, 2),
            (self.thaw, 3),
            (self.restart_the_node, 1),
        )
        outside = ((kill_an_exporter, 4), *((edit, 1) for edit in EDITS))
        acts, weights = zip(*own, *outside, strict=True)
        act = chance.choices(acts, weights)[0]
        self.done.append(act.__name__)
        if act in dict(own):
            act(chance)
        else:
            act(self.world, chance)

    def links(self):
        return [*self.wires, self.world.node]

    def cut(self, chance):
        wire = chance.choice(self.links())
        chance.choice((wire.cut, wire.silence))()

    def mend(self, chance):
        chance.choice(self.links()).mend()

    def shake(self, chance):
        chance.choice(self.links()).shake()

    def meddle(self, chance):
        self.meddler.mood = chance.choice((BAD, Mood()))

    def set_a_clock(self, chance):
        set_ahead(chance.choice(self.clocks), chance.choice((0, 0, 3600, -3600, -86_400)))

    def kill_a_replica(self, chance):
        chance.choice(self.replicas).process.kill()

    def freeze_a_replica(self, chance):
        process = chance.choice(self.replicas).process
        self._frozen.append(process)
        process.process.send_signal(signal.SIGSTOP)

    def thaw(self, _chance=None):
        while self._frozen:
            self._frozen.pop().process.send_signal(signal.SIGCONT)

    def restart_the_node(self, _chance):
        """Its containers run on, and it finds them again."""
        self.world.node.mend()
        self.world.workloads.kill("podrunner")
        self.world.workloads.restart("podrunner")

    def end(self):
        """Make everything good again."""
        self.thaw()
        for wire in self.links():
            wire.mend()
        self.meddler.mood = Mood()
        for clock in self.clocks:
            set_ahead(clock, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mix_of_everything_loses_and_doubles_nothing(world, eventually, seed):
    chance = random.Random(seed)
    world.source.behave(patched(world.source.behaviour, {"faults": {"latency_ms": 300}}))
    admin = load_kubeconfig(world.cluster.kubeconfig)
    with Meddler(world.net, admin, seed) as meddler:
        troubles = Troubles(world, meddler)
        rolling = {"from": world.days_ago(20), "settleDelay": "2s"}
        world.create(range={"rolling": rolling}, schedule="* * * * *", backoffLimit=6)
        eventually(world.jobs, "there is work")
        for _ in range(STEPS):
            troubles.one(chance)
            world.wait_a_moment(chance, 0.8)
        troubles.end()
        logger.warning("seed %d: %s", seed, " ".join(troubles.done))  # shown where it fails
        world.prove_in_the_end(f"the end of seed {seed}")
        for replica in troubles.replicas:
            replica.stop()
