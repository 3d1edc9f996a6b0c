"""An API server that refuses, loses and repeats requests, and ends watches."""

from devcluster.client import load_kubeconfig
from support.meddler import Meddler, Mood

TERMS = ("--lease-duration=6s", "--renew-deadline=4s", "--retry-period=500ms")
BAD = Mood(busy=0.15, lost=0.05, reset=0.05, conflict=0.2, watch=0.1)


def test_faults_of_the_api_server_cost_time_and_nothing_else(world):
    admin = load_kubeconfig(world.cluster.kubeconfig)
    with Meddler(world.net, admin, seed=7) as meddler:
        meddler.mood = BAD
        authority = meddler.write_authority(world.folder / "ca.crt")
        for _ in range(2):
            world.replica(*TERMS, by=meddler.url, authority=authority)
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
        for replica in world.replicas:
            replica.stop()
