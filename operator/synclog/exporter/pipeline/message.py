"""A `RunResult` as a termination message: JSON that Kubernetes keeps whole."""

import msgspec
from msgspec.structs import replace

from synclog.api.run import TERMINATION_MESSAGE_LIMIT, LedgerCoverage, RunResult, WindowText
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
    if len(data := msgspec.json.encode(result)) <= limit:
        return data
    if len(result.message) > _TEXT_LIMIT:
        result = replace(result, message=result.message[:_TEXT_LIMIT] + "…")
    if result.coverage is not None:
        result = _shortened(result, result.coverage, limit)
    if len(data := msgspec.json.encode(result)) > limit:
        data = msgspec.json.encode(replace(result, message=result.reason, coverage=None))
    return data


def _shortened(result: RunResult, coverage: LedgerCoverage, limit: int) -> RunResult:
    """Leave out intervals, an eighth of the longest list at a time, until the result fits."""
    near = window_of(result.window) if result.window else None
    intervals, lost = (
        _farthest_first(coverage.intervals, near),
        _farthest_first(coverage.lost, near),
    )
    rechecked = {name: _farthest_first(texts, near) for name, texts in coverage.rechecked.items()}
    while len(msgspec.json.encode(result)) > limit:
        longest = max([intervals, lost, *rechecked.values()], key=len)
        if not longest:
            break
        del longest[: len(longest) // 8 + 1]
        fewer = replace(
            coverage,
            intervals=_in_order(coverage.intervals[:1] + intervals),
            lost=_in_order(lost),
            rechecked={name: _in_order(texts) for name, texts in rechecked.items()},
            truncated=True,
        )
        result = replace(result, coverage=fewer)
    return result


def _farthest_first(texts: list[WindowText], near: Window | None) -> list[WindowText]:
    if near is None:
        return list(texts)
    return sorted(texts, key=lambda text: -_distance(window_of(text), near))


def _distance(one: Window, other: Window) -> int:
    return max(one.start - other.end, other.start - one.end, 0)


def _in_order(texts: list[WindowText]) -> list[WindowText]:
    return sorted({text.start: text for text in texts}.values(), key=lambda text: text.start)
