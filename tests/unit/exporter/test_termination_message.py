"""A result as a termination message that Kubernetes keeps whole."""

import msgspec
import pytest

from support.runs import run
from synclog.api.run import RunResult
from synclog.exporter.ledger.rules import text_of
from synclog.exporter.pipeline import message


@pytest.mark.parametrize("intervals", [0, 1, 20, 500])
def test_the_termination_message_fits_and_keeps_what_is_near(bench, intervals):
    result = run(bench, bench.hours(0, 1))
    many = [_text(bench, 2 * n, 2 * n + 1) for n in range(intervals)]
    near = _text(bench, intervals, intervals + 1)
    coverage = msgspec.structs.replace(result.coverage, intervals=many, lost=many[::3])
    result = msgspec.structs.replace(result, coverage=coverage, window=near, message="é" * 3000)
    data = message.encode(result)
    assert len(data) < 4096
    told = msgspec.json.decode(data, type=RunResult)
    assert told.coverage.truncated is (intervals == 500)
    assert set(map(_key, told.coverage.intervals)) <= set(map(_key, many))
    if intervals == 500:
        assert told.coverage.intervals[0] == many[0]
        kept = [many.index(each) for each in told.coverage.intervals[1:]]
        assert len(kept) > 10
        # Around the window, which is in the middle of the five hundred.
        assert min(kept) < 250 < max(kept)
        assert kept == sorted(kept)
    else:
        assert told.coverage.intervals == many


def _text(bench, start, end):
    return text_of(bench.hours(start, end))


def _key(text):
    return (text.start, text.end)
