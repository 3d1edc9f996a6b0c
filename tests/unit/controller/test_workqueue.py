"""The work queue: each key once, at the earlier of two times, never by two workers."""

import asyncio

import pytest

from synclog.controller.workqueue import WorkQueue


async def _taken(queue: WorkQueue) -> str | None:
    async with asyncio.timeout(0.001):
        return await queue.get()


async def test_a_key_that_is_added_twice_is_handed_out_once() -> None:
    queue = WorkQueue()
    queue.add("a")
    queue.add("b")
    queue.add("a")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    with pytest.raises(TimeoutError):
        await _taken(queue)


async def test_a_key_that_is_added_while_a_worker_has_it_comes_back_after_it_is_done() -> None:
    queue = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    with pytest.raises(TimeoutError):
        await _taken(queue)
    queue.done("a")
    assert await _taken(queue) == "a"


async def test_a_key_that_is_done_and_not_asked_for_again_does_not_come_back() -> None:
    queue = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.done("a")
    with pytest.raises(TimeoutError):
        await _taken(queue)


@pytest.mark.parametrize("order", [(10.0, 5.0), (5.0, 10.0)])
async def test_of_two_times_the_earlier_holds_and_the_later_is_forgotten(
    order: tuple[float, float],
) -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    begun = loop.time()
    for delay in order:
        queue.add_at("a", begun + delay)
    assert await queue.get() == "a"
    assert loop.time() - begun == pytest.approx(5.0)
    queue.done("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await queue.get()


async def test_adding_a_key_now_cancels_the_look_that_was_planned_for_later() -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    queue.add_at("a", loop.time() + 5)
    queue.add("a")
    await queue.get()
    queue.done("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await queue.get()


async def test_a_look_that_is_planned_while_a_worker_has_the_key_takes_place() -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    queue.add("a")
    await queue.get()
    queue.add_at("a", loop.time() + 3)
    queue.done("a")
    assert await queue.get() == "a"


async def test_failures_wait_longer_each_time_and_success_forgets_them() -> None:
    queue = WorkQueue(first_retry=1.0, longest_retry=5.0)
    delays = []
    queue.add("a")
    for _ in range(5):
        await queue.get()
        delays.append(queue.retry("a"))
    assert delays == [1.0, 2.0, 4.0, 5.0, 5.0]
    await queue.get()
    queue.done("a")
    queue.add("a")
    await queue.get()
    assert queue.retry("a") == 1.0


async def test_news_during_a_failing_look_do_not_shorten_the_pause() -> None:
    queue, loop = WorkQueue(first_retry=2.0), asyncio.get_running_loop()
    queue.add("a")
    await queue.get()
    queue.add("a")
    begun = loop.time()
    queue.retry("a")
    await queue.get()
    assert loop.time() - begun == pytest.approx(2.0)


async def test_news_of_a_failing_key_make_its_pause_no_longer() -> None:
    queue, loop = WorkQueue(first_retry=2.0), asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(10):  # each time before it is tried again
        queue.add("a")
        await queue.get()
        queue.retry("a")
    await queue.get()
    assert loop.time() - begun == pytest.approx(2.0)
    assert queue.retry("a") == 4.0


async def test_a_forgotten_key_does_not_come_back() -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    queue.add_at("a", loop.time() + 1)
    queue.forget("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await queue.get()


async def test_a_cancelled_worker_passes_its_wake_up_on() -> None:
    queue = WorkQueue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await second == "a"


async def test_every_key_is_handed_to_exactly_one_of_many_workers() -> None:
    queue = WorkQueue()
    seen: list[str | None] = []

    async def work() -> None:
        while (key := await queue.get()) is not None:
            seen.append(key)
            await asyncio.sleep(0.01)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(5)]
    for number in range(100):
        queue.add(str(number))
    await asyncio.sleep(10)
    queue.close()
    await asyncio.gather(*workers)
    assert sorted(seen, key=lambda key: int(key or 0)) == [str(number) for number in range(100)]


async def test_closing_ends_those_who_wait_and_those_who_come_later() -> None:
    queue = WorkQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.close()
    assert await asyncio.gather(*waiting) == [None, None, None]
    queue.add("a")
    assert await queue.get() is None


async def test_length_counts_only_what_is_due() -> None:
    queue, loop = WorkQueue(), asyncio.get_running_loop()
    queue.add("a")
    queue.add_at("b", loop.time() + 60)
    assert len(queue) == 1
