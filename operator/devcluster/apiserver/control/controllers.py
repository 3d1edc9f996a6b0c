"""One task that sees every change and lets the controllers react.

They react after the write, as in a real cluster, where controllers are other processes.
"""

import asyncio
import logging
from typing import Protocol

from devcluster.apiserver.storage.store import Change, Store

_log = logging.getLogger(__name__)


class Controller(Protocol):
    """Reacts to changes; may write, which makes more changes."""

    def observe(self, change: Change) -> None:
        """A change happened."""


class Controllers:
    """Feeds the changes of a store to controllers, in order."""

    def __init__(self, store: Store, *controllers: Controller) -> None:
        self._controllers = controllers
        self._queue: asyncio.Queue[Change] = asyncio.Queue()
        store.listen_to_all(self._queue.put_nowait)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            change = await self._queue.get()
            for controller in self._controllers:
                try:
                    controller.observe(change)
                except Exception:  # noqa: BLE001  # one broken reaction must not stop the others
                    _log.exception("%s failed on %s", type(controller).__name__, change.key)
            if self._queue.empty():
                continue
            await asyncio.sleep(0)  # let requests in between
