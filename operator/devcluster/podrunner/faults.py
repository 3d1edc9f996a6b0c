"""Switches that make the node misbehave, for tests."""

import asyncio
from typing import Any


class Faults:
    """What is wrong with the node at the moment; nothing to begin with."""

    def __init__(self) -> None:
        self.pull_delay = 0.0
        """Seconds that every image takes to be pulled."""
        self.unschedulable = False
        """No pod fits."""
        self._alive = asyncio.Event()
        self._alive.set()

    @property
    def dead(self) -> bool:
        """The node is cut off: it neither hears nor reports; its containers run on."""
        return not self._alive.is_set()

    async def alive(self) -> None:
        """Wait until the node is not cut off."""
        await self._alive.wait()

    def show(self) -> dict[str, Any]:
        """The switches as a document."""
        return {
            "dead": self.dead,
            "pullDelaySeconds": self.pull_delay,
            "unschedulable": self.unschedulable,
        }

    def set(self, wanted: dict[str, Any]) -> None:
        """Set the switches that the document names.

        Raises:
            ValueError: it names an unknown one, or a value of the wrong type.
        """
        if unknown := set(wanted) - set(self.show()):
            raise ValueError(
                f"unknown switch {', '.join(sorted(unknown))}; there are {', '.join(self.show())}"
            )
        for name in ("dead", "unschedulable"):
            if wanted.get(name, False) not in (True, False):
                raise ValueError(f"{name} must be true or false")
        delay = wanted.get("pullDelaySeconds", self.pull_delay)
        if isinstance(delay, bool) or not isinstance(delay, int | float) or delay < 0:
            raise ValueError("pullDelaySeconds must be a number of seconds, such as 2.5")
        self.pull_delay = float(delay)
        self.unschedulable = wanted.get("unschedulable", self.unschedulable)
        if wanted.get("dead", self.dead):
            self._alive.clear()
        else:
            self._alive.set()

    def clear(self) -> None:
        """Set all switches back."""
        self.set({"dead": False, "pullDelaySeconds": 0, "unschedulable": False})
