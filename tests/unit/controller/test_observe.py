"""From Jobs and pods to what planning reads, also when the two watches do not agree."""

import dataclasses

import pytest

from synclog.api import names
from synclog.api.run import Purpose, RunIdentity, SpanText
from synclog.controller.objects import Condition, Ending, Job, Pod, identity_of, job_of
from synclog.controller.observe import run_of, unread
from synclog.planning.model import RunState
from synclog.windows import HOUR, SECOND, Window, format_time

NOW = 1_000_000_000
SPAN = Window(0, 2 * HOUR)
JOB = Job(
    namespace="ns",
    name="job",
    uid="job-uid",
    version="1",
    parent="uid",
    created=NOW - HOUR,
    deleting=False,
    identity=RunIdentity(
        purpose=Purpose.WINDOW,
        attempt=1,
        generation=1,
        span=SpanText(start=format_time(0), end=format_time(2 * HOUR), step_ms=HOUR),
    ),
    span=SPAN,
    finished=NOW,
    ended_pods=2,
    conditions={"Complete": Condition("Completed", "", NOW)},
)


def pod(index):
    return Pod(
        namespace="ns",
        name=f"job-{index}",
        uid=f"pod-{index}",
        version="1",
        parent="job-uid",
        export_uid="uid",
        index=index,
        created=NOW - HOUR,
        deleting=False,
        phase="Succeeded",
        ending=Ending(0, "Completed", "", NOW),
    )


def state(job, pods, now):
    run = run_of(job, pods, [], now)
    assert run is not None
    return run.state


def test_a_job_has_not_ended_before_its_results_are_here():
    assert unread(JOB, [pod(0)], NOW + SECOND)
    assert state(JOB, [pod(0)], NOW + SECOND) is RunState.ACTIVE
    assert not unread(JOB, [pod(0), pod(1)], NOW + SECOND)
    assert state(JOB, [pod(0), pod(1)], NOW + SECOND) is RunState.SUCCEEDED


def test_results_that_never_come_are_not_waited_for_long():
    assert state(JOB, [], NOW + 11 * SECOND) is RunState.SUCCEEDED


def test_a_job_that_ended_and_is_being_deleted_has_ended():
    deleting = dataclasses.replace(JOB, deleting=True)
    assert state(deleting, [pod(0), pod(1)], NOW) is RunState.SUCCEEDED
    running = dataclasses.replace(deleting, conditions={}, finished=None, ended_pods=0)
    assert state(running, [], NOW) is RunState.DELETING


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_an_annotation_that_we_did_not_write_is_not_followed(step):
    text = (
        '{"purpose":"window","attempt":1,"generation":1,"span":{"start":"2026-01-01T00:00:00Z",'
        f'"end":"2026-03-31T00:00:00Z","stepMs":{step}}}}}'
    )
    assert identity_of({"annotations": {names.ANNOTATION_RUN: text}}) == (None, None)


def test_slim_jobs_survive_what_people_write_into_them(make):
    for text in (
        "",
        "[]",
        '{"purpose":"window","attempt":1,"generation":1,"span":{"start":"x","end":"y","stepMs":1}}',
        '{"purpose":"window","attempt":1,"generation":1,"scheduled":"noon"}',
        (
            '{"purpose":"window","attempt":1,"generation":1,'
            '"span":{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:00Z","stepMs":1}}'
        ),
        (
            '{"purpose":"window","attempt":1,"generation":1,'
            '"span":{"start":"2026-01-01T00:00:00Z","end":"2026-01-02T00:00:00Z","stepMs":0}}'
        ),
    ):
        assert job_of(make.job_body(annotation=text)).identity is None
