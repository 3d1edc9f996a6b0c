"""What the status says, and when it changes."""

import inspect
import re
from pathlib import Path

import pytest

from support.world import SPEC, World, at, make_spec
from synclog.planning import conditions
from synclog.planning.model import Stuck
from synclog.windows import DAY, MINUTE, Window, format_seconds


def test_finished_jobs_beyond_the_history_go_only_after_they_were_counted():
    world = World(spec=make_spec(history={"successful": 1, "failed": 0})).inspected()
    world.succeed(world.active()[0])
    plan = world.step()
    assert plan.actions == ()
    plan = world.step()
    assert [action.name for action in plan.actions] == ["i0-1"]
    world.settle()
    assert len(world.runs) == 1
    assert world.status.totals.runs == {"Succeeded/Inspected": 1, "Succeeded/Exported": 1}


@pytest.mark.parametrize("created", [True, False])
def test_ready_tells_why_the_first_look_at_the_destination_does_not_begin(created):
    world = World()
    world.refuses = None if created else Stuck("Quota", "exceeded quota: jobs", world.now)
    world.settle()
    if created:
        world.change(world.active()[0], stuck=Stuck("Quota", "exceeded quota: pods", world.now))
        world.settle()
    assert world.condition("Ready") == ("False", "Quota")
    assert world.status.summary == "Degraded"


def test_what_the_source_forgot_is_said_loudly_and_not_tried_again():
    world = World().inspected()
    world.lost = type(world.lost)([Window(at("01T00:00"), at("01T06:00"))])
    run = world.active()[0]
    world.fail(run, windows=[1, 2, 3, 4])
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "EventsLost")
    assert world.status.coverage.lost_seconds == 6 * 3600
    assert world.status.coverage.gap_count == 0
    assert world.status.covered_until == "2026-01-02T00:15:00.000Z"


def test_retention_is_at_risk_long_before_the_source_forgets():
    world = World(spec=make_spec(suspend=True))
    world.spec = make_spec()
    world.inspected()
    world.fail(world.active()[0])
    world.settle()
    assert world.condition("RetentionAtRisk") == ("False", "Headroom")
    world.now = at("01T00:00") + 90 * DAY * 85 // 100
    world.edit(suspend=True)
    world.settle()
    assert world.condition("RetentionAtRisk") == ("True", "SourceForgetsSoon")


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "every day"},
        {"timeZone": "Mars/Base"},
        {"range": {"rolling": {"settleDelay": "91d"}}},
        {"range": {}},
        {"range": {"rolling": {"from": "soon"}}},
        {"range": {"rolling": {"recheckAfter": ["90d"]}}},
    ],
)
def test_a_spec_that_nobody_can_follow_is_said_once_and_touches_nothing(changes):
    world = World(spec=make_spec(**changes))
    plan = world.step()
    assert plan.actions == ()
    assert [event.reason for event in plan.events] == ["InvalidSpec"]
    assert world.condition("Ready") == ("False", "InvalidSpec")
    assert world.status.summary == "Invalid"
    assert world.step().events == ()


def test_a_condition_keeps_its_time_while_its_status_holds():
    world = World().inspected()
    since = {c.type: c.last_transition_time for c in world.status.conditions}
    world.now += MINUTE
    world.succeed(world.active()[0])
    world.settle()
    times = {c.type: c.last_transition_time for c in world.status.conditions}
    assert times["Ready"] == since["Ready"]
    assert times["CoverageComplete"] == format_seconds(world.now)


@pytest.mark.parametrize("schedule", [None, "0 * * * *"])
def test_a_range_that_has_not_begun_is_not_called_complete(schedule):
    rolling = {"from": "2026-01-03T00:30:00Z"}
    world = World(spec=make_spec(schedule=schedule, range={"rolling": rolling})).inspected()
    for moment in ("02T00:31", "02T01:00", "03T00:00", "03T00:40"):
        world.now = at(moment)
        world.settle()
        assert world.condition("CoverageComplete") == ("False", "RangeNotBegun")
        assert world.status.summary == "NotBegun"
        assert world.status.coverage.gap_count == 0
    (message,) = [c.message for c in world.status.conditions if c.type == "CoverageComplete"]
    assert "begins at 2026-01-03T00:30:00.000Z" in message
    world.now = at("03T01:00")
    world.settle()
    world.succeed(world.active()[0])
    world.settle()
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_nothing_changes_when_nothing_happened():
    world = World().inspected()
    world.settle()
    before = world.status
    world.now += 7 * MINUTE
    plan = world.step()
    assert world.status == before
    assert plan.events == ()
    assert SPEC["schedule"] == before.effective_schedule


def test_every_word_under_status_is_documented():
    words = set(
        re.findall(r'(?:return|else|:|get\(.*,) "(\w+)"', inspect.getsource(conditions.summary))
    )
    assert {"Invalid", "Inspecting", "UpToDate", "Behind"} <= words
    docs = (Path(__file__).parents[3] / "docs/operations.md").read_text()
    table = docs.partition("| STATUS | means |")[2].partition("\n\n")[0]
    assert words <= set(re.findall(r"`(\w+)`", table))
