"""A simulated Code42: its Sync Log, its tokens, and every hazard of them as a switch.

In tests: ``with running(Behaviour(...), seed=7) as source:`` in synchronous code, or
``async with SimulatedCode42(...) as source:``. As a program: ``python -m devcluster.code42``.
`Truth` says which events exist, so that exported files can be compared event by event.
"""

from devcluster.code42.behaviour import (
    Behaviour,
    Body,
    Bounds,
    Csv,
    Faults,
    Json,
    Order,
    Paging,
    Population,
    RowCap,
    Times,
    Tokens,
    Visibility,
)
from devcluster.code42.clock import ManualClock, RealClock, ScaledClock
from devcluster.code42.events import Event
from devcluster.code42.server import SimulatedCode42, running
from devcluster.code42.tls import server_tls
from devcluster.code42.tokens import MARKER, Credentials
from devcluster.code42.truth import Truth, from_csv, from_json_lines

__all__ = [
    "MARKER",
    "Behaviour",
    "Body",
    "Bounds",
    "Credentials",
    "Csv",
    "Event",
    "Faults",
    "Json",
    "ManualClock",
    "Order",
    "Paging",
    "Population",
    "RealClock",
    "RowCap",
    "ScaledClock",
    "SimulatedCode42",
    "Times",
    "Tokens",
    "Truth",
    "Visibility",
    "from_csv",
    "from_json_lines",
    "running",
    "server_tls",
]
