"""A window is read when it is old enough, by the earlier of two clocks."""

import pytest

from support.runs import run
from synclog.api.run import ExitCode
from synclog.exporter import pipeline
from synclog.windows import HOUR, MINUTE, Window


def test_a_young_window_is_left(bench):
    end = bench.source.now - 14 * MINUTE
    result = run(bench, Window(end - HOUR, end))
    assert (result.reason, result.exit_code) == ("NotSettled", ExitCode.NOT_SETTLED)
    assert bench.source.asked == []
    assert result.ledger.head == 0


@pytest.mark.parametrize(("ahead", "reason"), [(2 * MINUTE, "NotSettled"), (0, "Exported")])
def test_the_earlier_clock_decides(bench, ahead, reason):
    bench.source.local = bench.source.now
    bench.source.now += ahead  # the source's clock is ahead: the local one decides
    end = bench.source.local - 15 * MINUTE + ahead // 2
    assert run(bench, Window(end - HOUR, end)).reason == reason
    bench.source.now -= 2 * ahead  # and the other way round
    end = bench.source.now - 15 * MINUTE + ahead // 2
    assert run(bench, Window(end - HOUR, end)).reason in {reason, "AlreadyCovered"}


def test_a_window_that_is_nearly_settled_is_waited_for(bench):
    end = bench.source.now - 15 * MINUTE + 1500
    site = bench.site(patience=60.0)
    waited = []

    class Stop:
        def is_set(self):
            return False

        def wait(self, seconds):
            waited.append(seconds)
            bench.source.now += int(seconds * 1000)

    result = pipeline.run(bench.spec(Window(end - HOUR, end)), _with(site, stop=Stop()))
    assert result.reason == "Exported"
    assert waited == [1.5]


def _with(site, **changes):
    fields = {name: getattr(site, name) for name in site.__dataclass_fields__}
    return type(site)(**{**fields, **changes})
