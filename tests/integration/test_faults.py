"""An API server that refuses, loses and repeats requests, and ends watches."""

import contextlib

from devcluster.client import load_kubeconfig
from support.meddler import Meddler, Mood

TERMS = ("--lease-duration=6s", "--renew-deadline=4s", "--retry-period=500ms")
BAD = Mood(busy=0.15, lost=0.05, reset=0.05, conflict=0.2, watch=0.1)


@contextlib.contextmanager
def meddled(world, mood, *flags):
    """Two replicas behind a proxy in a mood."""
    with Meddler(world.net, load_kubeconfig(world.cluster.kubeconfig), seed=7) as meddler:
        meddler.mood = mood
        authority = meddler.write_authority(world.folder / "ca.crt")
        for _ in range(2):
            world.replica(*TERMS, *flags, by=meddler.url, authority=authority)
        yield meddler
        for replica in world.replicas:
            replica.stop()


def test_faults_of_the_api_server_cost_time_and_nothing_else(world):
    with meddled(world, BAD) as meddler:
        world.create(range={"rolling": {"from": world.days_ago(12), "settleDelay": "2s"}})
        world.complete()
        world.prove()
        for number in range(3):
            world.answered(f"again {number}")
        assert meddler.struck.keys() >= {"busy", "lost", "reset", "conflict", "touch", "watch"}
        meddler.mood = Mood()
        world.answered("well again")
        world.complete()
        world.prove()


def test_watches_that_fall_silent_cost_no_more_than_a_resync(world):
    with meddled(world, Mood(mute=True), "--resync=3s") as meddler:
        world.create()
        world.complete()
        world.answered("nobody hears it, and it is found")
        world.complete()
        world.prove()
        assert meddler.struck["mute"]
