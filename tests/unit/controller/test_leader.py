"""The Lease: one leader, who knows when to stop."""

import asyncio
import re

import pytest

from synclog.controller.errors import ConflictError, LostLeadershipError, UnavailableError
from synclog.controller.gateway import LEASES
from synclog.controller.leader import Elector, Terms

TERMS = Terms(lease=15, renew_deadline=10, retry=2)


def elector(gateway, identity, terms=TERMS):
    return Elector(gateway, namespace="ops", name="lease", identity=identity, terms=terms)


async def lease(gateway):
    return await gateway.get(LEASES, "ops", "lease")


@pytest.fixture
async def leader(gateway):
    one = elector(gateway, "first")
    await one.acquire()
    return one


async def test_the_first_one_leads_and_the_lease_has_micro_times(gateway, leader):
    spec = (await lease(gateway))["spec"]
    assert leader.leading
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("first", 15)
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    assert re.fullmatch(pattern, spec["renewTime"])
    assert re.fullmatch(pattern, spec["acquireTime"])


async def test_a_second_one_waits_as_long_as_the_first_renews(gateway, leader):
    renewing = asyncio.create_task(leader.keep())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(300):
            await elector(gateway, "second").acquire()
    assert leader.leading
    renewing.cancel()


async def test_a_second_one_takes_over_when_the_first_is_dead_and_not_earlier(gateway, leader):
    begun = asyncio.get_running_loop().time()
    second = elector(gateway, "second")
    await second.acquire()
    took = asyncio.get_running_loop().time() - begun
    assert 15 <= took <= 15 + 3 * TERMS.retry
    spec = (await lease(gateway))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("second", 1)


async def test_the_old_leader_has_stopped_before_a_new_one_can_start(gateway, leader):
    await asyncio.sleep(TERMS.renew_deadline)
    assert not leader.leading, "a frozen process wakes up and is no leader"


async def test_a_leader_that_cannot_renew_stops_at_the_deadline(gateway, leader):
    gateway.fail("get", "leases", *(UnavailableError("away") for _ in range(100)))
    begun = asyncio.get_running_loop().time()
    with pytest.raises(LostLeadershipError):
        await leader.keep()
    assert asyncio.get_running_loop().time() - begun <= TERMS.renew_deadline
    assert not leader.leading


async def test_a_leader_that_renews_again_in_time_goes_on(gateway, leader):
    gateway.fail("get", "leases", *(UnavailableError("away") for _ in range(3)))
    renewing = asyncio.create_task(leader.keep())
    await asyncio.sleep(60)
    assert leader.leading
    assert not renewing.done()
    renewing.cancel()


async def test_a_lease_that_was_taken_is_lost_at_once(gateway, leader):
    await gateway.patch(LEASES, "ops", "lease", {"spec": {"holderIdentity": "usurper"}})
    with pytest.raises(LostLeadershipError, match="took"):
        await leader.keep()


async def test_a_renewal_whose_answer_got_lost_is_still_a_renewal(gateway, leader):
    gateway.lost_answers["replace leases"] = [ConflictError("our own write, told twice")]
    renewing = asyncio.create_task(leader.keep())
    await asyncio.sleep(9)
    assert leader.leading
    assert not renewing.done()
    renewing.cancel()


async def test_of_many_exactly_one_gets_a_free_lease(gateway):
    electors = [elector(gateway, str(number)) for number in range(5)]
    tasks = [asyncio.create_task(one.acquire()) for one in electors]
    await asyncio.sleep(5)
    assert sum(one.leading for one in electors) == 1
    for task in tasks:
        task.cancel()


async def test_a_lease_that_was_given_up_is_taken_without_waiting(gateway, leader):
    begun = asyncio.get_running_loop().time()
    await leader.release()
    assert not leader.leading
    assert "holderIdentity" not in (await lease(gateway))["spec"], "an empty one is not valid"
    await elector(gateway, "second").acquire()
    assert asyncio.get_running_loop().time() == begun


async def test_who_does_not_hold_the_lease_gives_nothing_up(gateway, leader):
    await elector(gateway, "second").release()
    assert (await lease(gateway))["spec"]["holderIdentity"] == "first"


async def test_a_leader_that_was_replaced_does_not_give_up_the_others_lease(gateway, leader):
    await gateway.patch(LEASES, "ops", "lease", {"spec": {"holderIdentity": "second"}})
    await leader.release()
    assert (await lease(gateway))["spec"]["holderIdentity"] == "second"


async def test_a_lease_that_promises_more_time_is_honoured(gateway):
    await elector(gateway, "slow", Terms(lease=60, renew_deadline=50, retry=2)).acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(50):
            await elector(gateway, "second").acquire()
