"""The client-side limit: rate, concurrency, lanes."""

import asyncio

import pytest

from synclog.controller.throttle import Lane, Throttle


async def _pass(throttle: Throttle, lane: Lane, log: list[object], tag: object) -> None:
    async with throttle.slot(lane):
        log.append(tag)


async def test_a_burst_goes_at_once_and_then_the_rate_holds() -> None:
    throttle, loop = Throttle(rate=2, burst=3, concurrency=10), asyncio.get_running_loop()
    times: list[float] = []

    async def one() -> None:
        async with throttle.slot(Lane.NORMAL):
            times.append(loop.time())

    begun = loop.time()
    await asyncio.gather(*(one() for _ in range(7)))
    assert [at - begun for at in times] == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5, 2.0], abs=1e-3)


async def test_the_bucket_fills_up_to_the_burst_and_not_beyond() -> None:
    throttle, loop = Throttle(rate=10, burst=2, concurrency=10), asyncio.get_running_loop()
    await asyncio.sleep(100)
    begun = loop.time()
    await asyncio.gather(*(_pass(throttle, Lane.NORMAL, [], 0) for _ in range(3)))
    assert loop.time() - begun == pytest.approx(0.1, abs=1e-3)


async def test_jobs_overtake_status_and_status_overtakes_events() -> None:
    throttle = Throttle(rate=1, burst=1, concurrency=1)
    log: list[object] = []
    order = [Lane.BULK, Lane.BULK, Lane.NORMAL, Lane.CREATE, Lane.NORMAL, Lane.CREATE]
    # The first one takes the token that is there; the others line up behind it.
    await asyncio.gather(*(_pass(throttle, lane, log, lane) for lane in order))
    assert log == [Lane.BULK, *sorted(order[1:])]


async def test_not_more_than_so_many_at_once_whatever_the_rate() -> None:
    throttle = Throttle(rate=1e6, burst=1000, concurrency=3)
    running, most = 0, 0

    async def one() -> None:
        nonlocal running, most
        async with throttle.slot(Lane.NORMAL):
            running += 1
            most = max(most, running)
            await asyncio.sleep(1)
            running -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 3


async def test_whoever_gives_up_waiting_leaves_the_place_to_others() -> None:
    throttle = Throttle(rate=1e6, burst=10, concurrency=1)
    log: list[object] = []
    held = asyncio.Event()

    async def hold() -> None:
        async with throttle.slot(Lane.NORMAL):
            await held.wait()

    holder = asyncio.create_task(hold())
    await asyncio.sleep(0)
    quitter = asyncio.create_task(_pass(throttle, Lane.CREATE, log, "quitter"))
    patient = asyncio.create_task(_pass(throttle, Lane.NORMAL, log, "patient"))
    await asyncio.sleep(0)
    quitter.cancel()
    held.set()
    await asyncio.gather(holder, patient)
    assert log == ["patient"]


async def test_a_place_that_was_granted_to_somebody_who_was_cancelled_comes_back() -> None:
    throttle = Throttle(rate=1e6, burst=10, concurrency=1)
    log: list[object] = []
    granted = asyncio.create_task(_pass(throttle, Lane.NORMAL, log, "granted"))
    granted.cancel()
    await asyncio.gather(granted, return_exceptions=True)
    await _pass(throttle, Lane.NORMAL, log, "next")
    assert log == ["next"]
