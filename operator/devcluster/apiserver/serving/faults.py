"""Fault switches: what a test asks the server to do wrong.

``POST /_faults`` adds one, ``GET`` shows them with how often they struck, ``DELETE`` clears.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devcluster.apiserver.errors import ApiError, bad_request, too_many_requests
from devcluster.apiserver.serving.request import RequestInfo

Kind = Literal[
    "latency",
    "throttle",
    "error",
    "dropWatches",
    "expireWatches",
    "forget",
    "staleList",
    "answerLost",
]


class Fault(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One switch.

    Attributes:
        kind: ``latency`` waits; ``throttle`` answers 429; ``error`` answers 500 before anything
            happens; ``answerLost`` commits the write and cuts the connection; ``staleList``
            answers lists from the state when the switch was set; ``dropWatches`` ends running
            watches now; ``expireWatches`` ends them with 410 now; ``forget`` drops the history
            now, so that every resumption gets 410.
        verbs: Verbs that it strikes; empty for all.
        resources: Plurals such as ``jobs`` or ``pods/status``; empty for all.
        users: User names; empty for all. ``!name`` excepts a user.
        count: How often it strikes; None for ever.
        probability: Chance that it strikes a request.
        seconds: Length of a latency, or ``Retry-After`` of a throttle.
    """

    kind: Kind
    verbs: list[str] = []
    resources: list[str] = []
    users: list[str] = []
    count: Annotated[int, Meta(ge=1)] | None = None
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    seconds: Annotated[float, Meta(ge=0, le=600)] = 1.0
    code: Literal[500, 502, 503, 504] = 500
    struck: int = 0
    revision: int = 0

    def strikes(self, info: RequestInfo, user: str) -> bool:
        """Whether this request is struck; counts."""
        resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
        wanted = [name for name in self.users if not name.startswith("!")]
        if (
            (self.verbs and info.verb not in self.verbs)
            or (self.resources and resource not in self.resources)
            or (wanted and user not in wanted)
            or f"!{user}" in self.users
            or (self.count is not None and self.struck >= self.count)
            or random.random() >= self.probability
        ):
            return False
        self.struck += 1
        return True


_AT_ONCE = frozenset({"dropWatches", "expireWatches", "forget"})


class Faults:
    """The switches that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, body: bytes, revision: int) -> Fault:
        """Set a switch from its JSON.

        Raises:
            ApiError: 400, the JSON is no fault.
        """
        try:
            fault = msgspec.json.decode(body, type=Fault)
        except msgspec.MsgspecError as error:
            raise bad_request(f"no fault: {error}") from error
        fault.revision = revision
        if fault.kind not in _AT_ONCE:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Clear all switches."""
        self._faults.clear()

    def shown(self) -> Sequence[Fault]:
        """The switches, with how often they struck."""
        return self._faults

    def _struck(self, kind: Kind, info: RequestInfo, user: str) -> Fault | None:
        return next((f for f in self._faults if f.kind == kind and f.strikes(info, user)), None)

    async def before(self, info: RequestInfo, user: str) -> None:
        """Wait, or refuse the request, as the switches say.

        Raises:
            ApiError: 429 or 5xx.
        """
        if fault := self._struck("latency", info, user):
            await asyncio.sleep(fault.seconds)
        if fault := self._struck("throttle", info, user):
            raise too_many_requests(
                "the server has received too many requests and has asked us to try again later",
                max(1, round(fault.seconds)),
            )
        if fault := self._struck("error", info, user):
            raise ApiError(
                fault.code, "InternalError", "Internal error occurred: a fault switch struck"
            )

    def loses_answer(self, info: RequestInfo, user: str) -> bool:
        """Whether the answer of this write gets lost after the commit."""
        return self._struck("answerLost", info, user) is not None

    def stale_revision(self, info: RequestInfo, user: str) -> int | None:
        """The revision that a list is answered from, None for now."""
        fault = self._struck("staleList", info, user)
        return None if fault is None else fault.revision
