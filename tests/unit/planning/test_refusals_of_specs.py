"""A spec that cannot be followed is refused with the field, what it says, and what to write."""

import msgspec
import pytest
import yaml

from support.world import SPEC, World, make_spec
from synclog.api.spec import SyncLogExportSpec
from synclog.cli.checking import check
from synclog.planning.errors import SpecError
from synclog.planning.intent import read_intent


def rolling(**fields):
    return {"range": {"rolling": fields}}


def last(**fields):
    return {"range": {"last": fields}}


def source(**fields):
    return {"source": SPEC["source"] | fields}


SHAPES = "is not a duration: write a whole number and one unit, such as"
TIMES = "is not a time: write one with its zone, such as 2026-01-31T00:00:00Z"
REFUSALS = [
    (rolling(settleDelay="5 min"), f"spec.range.rolling.settleDelay: '5 min' {SHAPES} 15m"),
    (rolling(maxWindow="day"), f"spec.range.rolling.maxWindow: 'day' {SHAPES} 24h"),
    (rolling(recheckAfter=["1d", "x"]), f"spec.range.rolling.recheckAfter[1]: 'x' {SHAPES} 24h"),
    (last(duration="week"), f"spec.range.last.duration: 'week' {SHAPES} 7d"),
    (source(retention="90"), f"spec.source.retention: '90' {SHAPES} 90d"),
    ({"startingDeadline": "1"}, f"spec.startingDeadline: '1' {SHAPES} 10m"),
    ({"pendingTimeout": "1"}, f"spec.pendingTimeout: '1' {SHAPES} 10m"),
    ({"runTimeout": "1"}, f"spec.runTimeout: '1' {SHAPES} 1h"),
    (rolling(**{"from": "soon"}), f"spec.range.rolling.from: 'soon' {TIMES}"),
    (
        {"range": {"between": {"start": "2026-01-01T00:00:00Z", "end": "x"}}},
        f"spec.range.between.end: 'x' {TIMES}",
    ),
    (
        {"range": {"between": {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}}},
        "spec.range.between: start, 2026-01-02T00:00:00Z, must be before end, 2026-01-01T00:00:00Z",
    ),
    (rolling(settleDelay="9999d"), "spec.range.rolling.settleDelay: 9999d is longer than 3650d"),
    (
        rolling(**{"from": "2201-01-01T00:00:00Z"}),
        "spec.range.rolling.from: 2201-01-01T00:00:00Z is later than the year 2200",
    ),
    (rolling(maxWindow="59s"), "spec.range.rolling.maxWindow: 59s is too short: write at least 1m"),
    ({"startingDeadline": "9s"}, "spec.startingDeadline: 9s is too short"),
    (
        rolling(settleDelay="91d"),
        "spec.range.rolling.settleDelay: 91d is not shorter than spec.source.retention, 90d",
    ),
    (
        rolling(recheckAfter=["7d", "90d"]),
        "spec.range.rolling.recheckAfter[1]: 90d is not shorter than spec.source.retention, 90d",
    ),
    (
        last(duration="90d"),
        "spec.range.last.duration: 90d is not shorter than spec.source.retention, 90d",
    ),
    (
        last(duration="10m"),
        "spec.range.last.duration: 10m is not longer than settleDelay, 15m: nothing is left",
    ),
    (
        last(duration="7d", maxWindow="1m"),
        "spec.range.last.duration: 7d is more than 400 times maxWindow, 1m",
    ),
    ({"range": {}}, "spec.range: set exactly one of rolling, between and last"),
    ({"schedule": "61 * * * *"}, "spec.schedule: '61 * * * *' is not understood"),
    ({"schedule": "H(0-99) * * * *"}, "spec.schedule: minute 'H(0-99)' must stay within 0 and 59"),
    ({"timeZone": "Mars"}, "spec.timeZone: 'Mars' is unknown: write an IANA name such as UTC"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSALS, ids=[words for _, words in REFUSALS])
def test_a_refusal_names_the_field(changes, words):
    with pytest.raises(SpecError) as raised:
        read_intent(make_spec(**changes), "ns", "export")
    assert str(raised.value).startswith(words)
    world = World(spec=make_spec(**changes))
    world.step()
    ready = next(each for each in world.status.conditions if each.type == "Ready")
    assert (ready.reason, ready.message[: len(words)]) == ("InvalidSpec", words)


@pytest.mark.parametrize("changes", [changes for changes, _ in REFUSALS])
def test_check_names_the_same_field(changes):
    """By the rules of the CRD, or by planning, where those do not see it."""
    document = {
        "apiVersion": "synclog.dev/v1beta1",
        "kind": "SyncLogExport",
        "metadata": {"name": "export", "namespace": "ns"},
        "spec": SPEC | changes,
    }
    with pytest.raises(SpecError) as raised:
        read_intent(msgspec.convert(document["spec"], SyncLogExportSpec), "ns", "export")
    field = str(raised.value).partition(":")[0]
    (report,) = check(yaml.safe_dump(document))
    assert not report.good
    assert f"problem      {field}: " in report.text
