"""A `RunResult` as a termination message: JSON that Kubernetes keeps whole."""

import msgspec
from msgspec.structs import replace

from synclog.api.run import TERMINATION_MESSAGE_LIMIT, RunResult, WindowText
from synclog.exporter.ledger.rules import window_of
from synclog.windows import Window

_TEXT_LIMIT = 400
"""Characters of `RunResult.message` that are kept when the whole would be too long."""


def encode(result: RunResult, *, limit: int = TERMINATION_MESSAGE_LIMIT - 1) -> bytes:
    """The result as JSON of at most ``limit`` bytes.

    Kubernetes cuts a longer message in the middle, and the JSON with it. So the sentence is
    shortened first, then intervals are left out (and ``truncated`` is set): those stay that are
    near the run's window, and the oldest, which says how far coverage reaches without a gap.
    """
    data = msgspec.json.encode(result)
    if len(data) <= limit:
        return data
    if len(result.message) > _TEXT_LIMIT:
        result = replace(result, message=result.message[:_TEXT_LIMIT] + "…")
    coverage = result.coverage
    if coverage is not None:
        near = window_of(result.window) if result.window else None
        kept, lost = _nearest_last(coverage.intervals, near), _nearest_last(coverage.lost, near)
        while len(msgspec.json.encode(result)) > limit and (len(kept) > 1 or lost):
            # An eighth of the longer list at a time: few encodings, however long it is.
            longer = kept if len(kept) >= len(lost) else lost
            del longer[: max(1, len(longer) // 8)]
            shorter = replace(
                coverage,
                intervals=_in_order(coverage.intervals[:1] + kept),
                lost=_in_order(lost),
                truncated=True,
            )
            result = replace(result, coverage=shorter)
    data = msgspec.json.encode(result)
    if len(data) > limit:
        data = msgspec.json.encode(replace(result, message=result.reason))
    return data


def _nearest_last(texts: list[WindowText], near: Window | None) -> list[WindowText]:
    if near is None:
        return list(texts)
    return sorted(texts, key=lambda text: -_distance(window_of(text), near))


def _distance(one: Window, other: Window) -> int:
    return max(one.start - other.end, other.start - one.end, 0)


def _in_order(texts: list[WindowText]) -> list[WindowText]:
    return sorted({text.start: text for text in texts}.values(), key=lambda text: text.start)
