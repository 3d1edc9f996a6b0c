"""What a run finds around it: the source, the destination, room to spool, clocks, and a stop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from synclog.exporter.destination import Destination
from synclog.exporter.errors import Interrupted
from synclog.exporter.source import ClockReading, Reading, Spool
from synclog.windows import Instant, Window


class Reader(Protocol):
    """The source, as the pipeline needs it. `synclog.exporter.source.SourceReader` is one."""

    @property
    def requests(self) -> int:
        """HTTP requests so far, those for tokens and those that failed among them."""

    def server_time(self) -> ClockReading:
        """What the source's and the local clock say now."""

    def read(
        self, window: Window, spool: Spool, progress: Callable[[int, int], None] | None = None
    ) -> Reading:
        """Read the events of a window into the spool, proven complete."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a run finds around it."""

    destination: Destination
    reader: Reader
    spool_folder: Path
    """Room for the records of one window, uncompressed."""
    clock: Callable[[], Instant]
    """The local clock."""
    stop: Event
    """Set when the process was told to stop."""
    progress: Callable[[int, int], None] | None = None
    """Told how many events and bytes were read so far."""
    settle_patience: float = 60.0
    """Seconds to wait for a window that is nearly settled."""

    def check(self) -> None:
        """Stop here if the process was told to.

        Raises:
            Interrupted: it was.
        """
        if self.stop.is_set():
            raise Interrupted(
                "Interrupted", "told to stop before the window was committed; nothing is half done"
            )
