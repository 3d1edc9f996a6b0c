"""The state of one simulated source, shared by its routes."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from devcluster.code42.behaviour import Behaviour
from devcluster.code42.clock import Clock, RealClock
from devcluster.code42.faults import RateLimit
from devcluster.code42.tokens import TokenDesk
from devcluster.code42.world import World
from synclog.windows import Instant

Route = Literal["data", "tokens"]

_LOGGED = 10_000
_SECRET_PARAMETERS = frozenset({"client_secret", "password", "token", "access_token"})


class Request(Struct, frozen=True, kw_only=True):
    """One request that was answered, without secrets."""

    time: Instant
    method: str
    path: str
    query: dict[str, str]
    status: int
    """0 where the connection was reset before an answer."""
    authorization: str
    """The scheme alone: ``Basic``, ``Bearer``, or empty."""
    user_agent: str
    rows: int
    """Rows of the Sync Log in the answer."""


@dataclass
class Simulation:
    """One tenant with its clock, its clients' credentials and its behaviour."""

    world: World
    desk: TokenDesk = field(default_factory=TokenDesk)
    clock: Clock = field(default_factory=RealClock)
    limit: RateLimit = field(default_factory=RateLimit)
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=_LOGGED))
    counts: Counter[str] = field(default_factory=Counter)
    """Answers by route and status, such as ``data 200``."""
    _numbers: Counter[Route] = field(default_factory=Counter)
    inserted: int = 0
    """Rows inserted while pages were read, since the behaviour was set."""
    expired: int = 0
    """Rows expired while pages were read, since the behaviour was set."""

    def behave(self, behaviour: Behaviour) -> None:
        """Behave differently from now on; requests are numbered from 1 again."""
        self.world.behaviour = behaviour
        self._numbers = Counter()
        self.inserted = self.expired = 0

    def begin(self, route: Route) -> tuple[int, Behaviour]:
        """Count a request; its number on the route, and the behaviour that it meets."""
        self._numbers[route] += 1
        number = self._numbers[route]
        return number, self.world.behaviour.at(number)

    def record(
        self,
        route: Route,
        *,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        status: int,
        rows: int,
    ) -> None:
        """Log an answered request."""
        self.counts[f"{route} {status}"] += 1
        self.requests.append(
            Request(
                time=self.clock.now(),
                method=method,
                path=path,
                query={
                    name: "…" if name in _SECRET_PARAMETERS else value
                    for name, value in query.items()
                },
                status=status,
                authorization=headers.get("Authorization", "").partition(" ")[0],
                user_agent=headers.get("User-Agent", ""),
                rows=rows,
            )
        )
