"""The JSON route: pages, one after another, until one of them says that there are no more."""

from synclog.api.spec import Source
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.source.answer import Answer, Asked, Progress, Spool
from synclog.exporter.source.timestamps import Timestamps
from synclog.exporter.source.transport import Transport
from synclog.windows import Window


class JsonRoute:
    """Reads ranges of the Sync Log as JSON."""

    header = b""
    columns: tuple[str, ...] = ()

    def __init__(self, transport: Transport, source: Source, timestamps: Timestamps) -> None:
        raise ConfigurationError("NotYet", f"{source.format}")

    def read(self, window: Window, asked: Asked, spool: Spool, progress: Progress) -> Answer:
        raise ConfigurationError("NotYet", "")
