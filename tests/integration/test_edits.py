"""Edits, deletions and wiped status while runs are under way."""

import random

import pytest

from devcluster.code42.behaviour import patched
from support.edits import EDITS, Edit


@pytest.mark.parametrize("seed", [11])
def test_edits_at_random_moments_lose_and_double_nothing(world, eventually, seed):
    world.source.behave(patched(world.source.behaviour, {"faults": {"latency_ms": 300}}))
    chance = random.Random(seed)
    world.operator().leads()
    rolling = {"from": world.days_ago(15), "settleDelay": "2s"}
    world.create(range={"rolling": rolling}, schedule="* * * * *")
    eventually(world.jobs, "there is work")
    plan: list[Edit] = [*EDITS, *chance.choices(EDITS, k=15)]
    chance.shuffle(plan)
    for edit in plan:
        edit(world, chance)
        world.wait_a_moment(chance, 0.8)
    world.prove_in_the_end("after the edits")
