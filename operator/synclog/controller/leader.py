"""Leader election by a Lease: of several replicas one acts, and it knows when to stop.

The Lease is judged by how long it has not changed, by this machine's own clock: clocks of
other machines are not trusted. A leader that cannot renew in time must stop before another one
may start, so it gives up at the renewal deadline, which is shorter than the Lease.
"""

import asyncio
import logging
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime

from synclog.api import names
from synclog.controller.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    LostLeadershipError,
)
from synclog.controller.gateway import LEASES, Document, Gateway

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what may take, in seconds."""

    lease: float = 15.0
    """A Lease that did not change for so long is free."""
    renew_deadline: float = 10.0
    """A leader that could not renew for so long stops."""
    retry: float = 2.0
    """Time between two tries."""


class Elector:
    """Competes for one Lease.

    Args:
        gateway: a way to the API server that nothing else keeps busy.
        namespace: where the Lease is.
        name: its name.
        identity: who we are; different for each process.
        terms: how long what may take.
    """

    def __init__(
        self, gateway: Gateway, *, namespace: str, name: str, identity: str, terms: Terms
    ) -> None:
        self._gateway = gateway
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._terms = terms
        self._time = asyncio.get_running_loop().time  # kept: metrics ask from another thread
        self._seen: str | None = None
        """resourceVersion of the Lease when it last changed."""
        self._seen_at = 0.0
        self._holds = False
        self._renewed_at = 0.0

    @property
    def leading(self) -> bool:
        """Whether the Lease is ours: held, and renewed in time.

        A process that was frozen wakes up and is no leader, before it hears of it.
        """
        age = self._time() - self._renewed_at
        return self._holds and age < self._terms.renew_deadline

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while True:
            try:
                if await self._try():
                    logger.info("leading", extra={"lease": self._name, "identity": self._identity})
                    return
            except ApiError as error:
                logger.warning("the Lease cannot be read or written: %s", error)
            await asyncio.sleep(self._terms.retry * random.uniform(1.0, 1.2))  # noqa: S311 - spread, no secret

    async def keep(self) -> None:
        """Renew the Lease for ever.

        Raises:
            LostLeadershipError: it is another's by now, or could not be renewed in time.
        """
        while True:
            await asyncio.sleep(self._terms.retry)
            left = self._renewed_at + self._terms.renew_deadline - self._time()
            try:
                async with asyncio.timeout(left):
                    ours = left > 0 and await self._try()
            except TimeoutError:
                ours = False
            except ApiError as error:
                logger.warning("the Lease was not renewed, trying again: %s", error)
                continue
            if not ours:
                self._holds = False
                late = self._time() >= self._renewed_at + self._terms.renew_deadline
                why = "it could not be renewed in time" if late else "another process took it"
                raise LostLeadershipError(f"the Lease is lost: {why}")

    async def release(self) -> None:
        """Give the Lease up, so that the next one need not wait for it to run out."""
        if not self._holds:
            return
        self._holds = False
        try:
            async with asyncio.timeout(self._terms.retry * 2):
                lease = await self._gateway.get(LEASES, self._namespace, self._name)
                if lease is not None and _holder(lease) == self._identity:
                    # An empty holder is not valid; one that is left out is.
                    del lease["spec"]["holderIdentity"]
                    lease["spec"]["leaseDurationSeconds"] = 1
                    await self._gateway.replace(LEASES, self._namespace, lease)
        except (ApiError, TimeoutError) as error:
            logger.warning("the Lease was not given up, it will run out: %s", error)

    async def _try(self) -> bool:
        """Take or renew the Lease. Whether it is ours now."""
        asked = self._time()
        lease = await self._gateway.get(LEASES, self._namespace, self._name)
        try:
            if lease is None:
                lease = await self._gateway.create(LEASES, self._namespace, self._new())
            else:
                self._notice(lease)
                if _holder(lease) not in ("", self._identity) and not self._free(lease):
                    self._holds = False
                    return False
                lease = await self._gateway.replace(LEASES, self._namespace, self._taken(lease))
        except (AlreadyExistsError, ConflictError):  # another was faster, or our answer got lost
            again = await self._gateway.get(LEASES, self._namespace, self._name)
            if again is not None:
                self._notice(again)
            if again is None or _holder(again) != self._identity:
                self._holds = False
                return False
        else:
            self._notice(lease)
        # Counted from before the request: the others may count from when it was answered.
        self._holds, self._renewed_at = True, asked
        return True

    def _notice(self, lease: Document) -> None:
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen:
            self._seen, self._seen_at = version, self._time()

    def _free(self, lease: Document) -> bool:
        """Whether the Lease did not change for as long as its holder promised to renew it."""
        promised = (lease.get("spec") or {}).get("leaseDurationSeconds") or self._terms.lease
        return self._time() - self._seen_at >= float(promised)

    def _new(self) -> Document:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "labels": {"app.kubernetes.io/name": names.MANAGED_BY},
            },
            "spec": self._claim(acquired=True, transitions=0),
        }

    def _taken(self, lease: Document) -> Document:
        spec = lease.get("spec") or {}
        new = _holder(lease) != self._identity
        transitions = int(spec.get("leaseTransitions") or 0) + new
        return {**lease, "spec": spec | self._claim(acquired=new, transitions=transitions)}

    def _claim(self, *, acquired: bool, transitions: int) -> Document:
        now = micro_time(datetime.now(UTC))
        claim: Document = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._terms.lease),
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        return claim | ({"acquireTime": now} if acquired else {})


def _holder(lease: Document) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""


def micro_time(moment: datetime) -> str:
    """A time as Leases have it: six fraction digits."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
