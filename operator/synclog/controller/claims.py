"""What the modes of a PersistentVolumeClaim mean for the pods that use it."""

import asyncio
from collections import OrderedDict

from synclog.controller.gateway import CLAIMS, Document, Gateway
from synclog.controller.jobs import Claim
from synclog.controller.throttle import Lane

_KEPT = 10_000


class Claims:
    """Claims that were looked at. Their modes cannot change, so one look is enough.

    A claim that was deleted and made again may differ: `forget` it when a run gets stuck.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: OrderedDict[tuple[str, str], Claim] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Task[Claim]] = {}

    async def look(self, namespace: str, name: str) -> Claim:
        """What is to be known of a claim; of one that is missing, nothing special."""
        key = (namespace, name)
        if known := self._known.get(key):
            return known
        if key not in self._asked:  # exports of one claim that are due at once ask once
            self._asked[key] = asyncio.create_task(self._ask(namespace, name))
        return await asyncio.shield(self._asked[key])

    async def _ask(self, namespace: str, name: str) -> Claim:
        try:
            body = await self._gateway.get(CLAIMS, namespace, name, lane=Lane.CREATE)
        finally:
            del self._asked[namespace, name]
        if body is None:
            return Claim()
        known = self._known[namespace, name] = claim_of(body)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known

    def forget(self, namespace: str, name: str) -> None:
        """Look again next time."""
        self._known.pop((namespace, name), None)


def claim_of(body: Document) -> Claim:
    """What the modes of a claim mean."""
    modes = set((body.get("spec") or {}).get("accessModes") or ())
    one_pod = modes == {"ReadWriteOncePod"}
    one_node = bool(modes) and modes <= {"ReadWriteOnce", "ReadWriteOncePod"}
    return Claim(one_node=one_node and not one_pod, one_pod=one_pod)
