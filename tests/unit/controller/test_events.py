"""Events on exports: repeated ones are counted, failing ones do no harm."""

import pytest

from synclog.controller.errors import RefusedError
from synclog.controller.events import Recorder, event_document
from synclog.controller.gateway import EVENTS
from synclog.planning.model import Event

EVENT = Event("Warning", "RunFailed", "prod-1: SourceFailed: no answer")


async def told(gateway):
    return [body for (kind, _, _), body in gateway.objects.items() if kind == EVENTS]


async def tell(recorder, export, *events):
    for event in events:
        recorder.record(export, event, 0)
    await recorder.drain()


async def test_a_repeated_event_is_counted_not_written_again(gateway, make):
    recorder = Recorder(gateway, "me")
    await tell(recorder, make.export(), EVENT, EVENT, EVENT)
    (event,) = await told(gateway)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "1970-01-01T00:00:00Z"


async def test_the_next_process_goes_on_counting(gateway, make):
    await tell(Recorder(gateway, "old"), make.export(), EVENT, EVENT)
    await tell(Recorder(gateway, "new"), make.export(), EVENT, EVENT)
    (event,) = await told(gateway)
    assert event["count"] == 4


async def test_an_event_that_ran_out_is_written_again(gateway, make):
    recorder = Recorder(gateway, "me")
    await tell(recorder, make.export(), EVENT)
    gateway.objects.clear()
    await tell(recorder, make.export(), EVENT)
    (event,) = await told(gateway)
    assert event["count"] == 1


@pytest.mark.parametrize(
    "other", [Event("Normal", "RunFailed", EVENT.message), Event("Warning", "RunFailed", "other")]
)
async def test_different_events_are_different_objects(gateway, make, other):
    await tell(Recorder(gateway, "me"), make.export(), EVENT, other)
    assert len(await told(gateway)) == 2


async def test_an_event_that_is_refused_does_not_stop_the_next(gateway, make):
    gateway.fail("create", "events", RefusedError("no", status=403))
    await tell(Recorder(gateway, "me"), make.export(), EVENT, Event("Normal", "R", "next"))
    assert [event["reason"] for event in await told(gateway)] == ["R"]


def test_names_and_messages_stay_inside_the_limits(make):
    export = make.export("x" * 253)
    dotted = event_document(make.export("x" * 229 + ".y"), EVENT, 0, "me")
    assert ".." not in dotted["metadata"]["name"]
    body = event_document(export, Event("Normal", "R", "m" * 5000), 0, "me")
    assert len(body["metadata"]["name"]) <= 253
    assert len(body["message"]) == 1024
    assert body["involvedObject"]["uid"] == export.uid
