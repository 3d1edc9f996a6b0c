"""Logs of the exporter: JSON lines for machines, plain lines for a person at a terminal."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

FORMATS = ("auto", "json", "text")


class _JsonLines(logging.Formatter):
    """One JSON object a line, with the fields that were given as ``extra={"fields": {…}}``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Text(logging.Formatter):
    """What a person reads: the message, and the level where it is not the usual one."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            text = f"{record.levelname.lower()}: {text}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def configure(form: str, stream: TextIO | None = None) -> None:
    """Send the logs to a stream, standard error by default.

    Args:
        form: one of `FORMATS`; ``auto`` is text on a terminal and JSON elsewhere.
        stream: where to.
    """
    stream = stream or sys.stderr
    as_json = form == "json" or (form == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines() if as_json else _Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The HTTP client logs each request with its URL; the evidence says the same in fewer words.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
