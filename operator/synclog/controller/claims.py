"""What the modes of a PersistentVolumeClaim mean for the pods that use it."""

from collections import OrderedDict

from synclog.controller.gateway import CLAIMS, Document, Gateway
from synclog.controller.jobs import Claim

_KEPT = 10_000


class Claims:
    """Claims that were looked at. Their modes cannot change, so one look is enough.

    A claim that was deleted and made again may differ: `forget` it when a run gets stuck.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: OrderedDict[tuple[str, str], Claim] = OrderedDict()

    async def look(self, namespace: str, name: str) -> Claim:
        """What is to be known of a claim; of one that is missing, nothing special."""
        known = self._known.get((namespace, name))
        if known is None:
            body = await self._gateway.get(CLAIMS, namespace, name)
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
