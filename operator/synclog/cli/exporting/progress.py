"""A progress line for a person who watches."""

import sys
import time
from typing import TextIO

_EVERY = 0.1
"""Seconds between two drawings."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_bytes(count: float) -> str:
    """A number of bytes for a person, such as ``1.5 MiB``."""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count /= 1024
        unit += 1
    return f"{count:.0f} B" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


class Progress:
    """Shows which window of how many is read, and how far, on one line that is redrawn.

    The source does not say how much is to come, so the bar counts windows and the line counts
    events and bytes.

    Args:
        total: windows of the run.
        stream: a terminal.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = total
        self._done = 0
        self._drawn = 0.0
        self._began = time.monotonic()

    def __call__(self, events: int, size: int) -> None:
        """Take note of how far the window is: events and bytes."""
        now = time.monotonic()
        if now - self._drawn < _EVERY:
            return
        self._drawn = now
        width = 24
        filled = width * self._done // self._total
        rate = size / max(now - self._began, 0.001)
        self._stream.write(
            f"\r\x1b[K[{'█' * filled}{'·' * (width - filled)}] "
            f"window {self._done + 1}/{self._total}  {events:,} events  {human_bytes(size)}  "
            f"{human_bytes(rate)}/s"
        )
        self._stream.flush()

    def window_done(self) -> None:
        """One more window ended: clear the line for what is said about it."""
        self._done += 1
        self._began = time.monotonic()
        self._stream.write("\r\x1b[K")
        self._stream.flush()
