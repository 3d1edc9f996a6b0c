"""Workers leave the event loop to others between two looks, even when no look ever waits."""

import asyncio

from synclog.controller.cache import Store
from synclog.controller.figures import Figures
from synclog.controller.health import Pulse
from synclog.controller.metrics import Metrics
from synclog.controller.workers import Workers
from synclog.controller.workqueue import WorkQueue


async def test_looks_that_never_wait_leave_the_loop_to_others():
    queue, rounds, begun, all_begun = WorkQueue(), 0, [], asyncio.Event()

    class Look:
        async def reconcile(self, uid):
            begun.append((uid, rounds))
            if len(begun) == len(keys):
                all_begun.set()

    async def count_rounds():
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count_rounds())
    metrics = Metrics(Figures(Store()), queue_depth=lambda: len(queue), is_leader=lambda: True)
    workers = Workers(
        queue, Look(), pulse=Pulse(), metrics=metrics, clock=lambda: 0, may_act=lambda: True
    ).start(20)
    keys = [f"uid-{number}" for number in range(100)]
    for key in keys:
        queue.add(key)
    await all_begun.wait()
    queue.close()
    await asyncio.gather(*workers)
    other.cancel()

    assert [uid for uid, _ in begun] == keys
    assert len({at for _, at in begun}) == len(keys), "two looks began in one round of the loop"
