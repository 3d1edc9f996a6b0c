"""The conditional write of status: only what changed, only over what was read."""

import pytest
from msgspec.structs import replace

from synclog.api.status import Coverage, StatusTotals, SyncLogExportStatus
from synclog.controller.errors import ConflictError
from synclog.controller.gateway import EXPORTS
from synclog.controller.objects import export_of
from synclog.controller.status import difference, document_of, patch_of, refusing, write_status


def test_nothing_is_written_where_nothing_changed(make):
    export = make.export()
    assert patch_of(export, export.status) is None
    assert patch_of(export, replace(export.status, summary="")) is None


def test_the_patch_names_the_version_and_uid_that_were_read(make):
    export = make.export()
    body = patch_of(export, replace(export.status, summary="UpToDate"))
    assert body["metadata"] == {"uid": export.uid, "resourceVersion": export.version}
    assert body["status"]["summary"] == "UpToDate"


def test_what_is_gone_is_taken_out_and_zeros_are_shown(make):
    body = make.export_body()
    body["status"] = {"next": "soon", "skipped": {"Missed": 2, "Overlap": 1}, "activeCount": 3}
    export = export_of(body)
    changed = replace(export.status, next=None, skipped={"Missed": 3}, active_count=0)
    assert patch_of(export, changed)["status"] == {
        "next": None,
        "skipped": {"Missed": 3, "Overlap": None},
        "activeCount": 0,
        "consecutiveFailures": 0,
    }


def test_numbers_are_written_even_if_zero_and_empty_texts_are_not():
    status = SyncLogExportStatus(coverage=Coverage(), totals=StatusTotals())
    document = document_of(status)
    assert document["coverage"] == {"gapCount": 0, "gapSeconds": 0, "lostSeconds": 0}
    assert document["activeCount"] == 0
    assert "summary" not in document
    assert "conditions" not in document


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": [1, 2]}, {"a": [2]}, {"a": [2]}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"a": True}, {"a": True}),
    ],
)
def test_the_merge_patch_makes_one_of_the_other(before, after, patch):
    assert difference(before, after) == patch


async def test_somebody_elses_write_in_between_is_a_conflict(gateway, stored):
    export = export_of(stored)
    await gateway.patch(EXPORTS, "team", "prod", {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(ConflictError):
        await write_status(gateway, export, replace(export.status, summary="UpToDate"))


async def test_a_resource_that_is_gone_is_a_conflict(gateway, make):
    export = make.export()
    with pytest.raises(ConflictError):
        await write_status(gateway, export, replace(export.status, summary="UpToDate"))


async def test_what_was_stored_comes_back_and_fits_the_next_write(gateway, stored):
    export = export_of(stored)
    once = await write_status(gateway, export, replace(export.status, summary="Behind"))
    twice = await write_status(gateway, once, replace(once.status, summary="UpToDate"))
    assert twice.status.summary == "UpToDate"


@pytest.mark.parametrize(
    "told",
    [{"conditions": "none"}, {"coveredUntil": "2026-03-01T00:00:60Z"}, {"lastScheduleTime": "now"}],
)
async def test_a_status_that_is_not_understood_is_replaced(gateway, make, told):
    body = make.export_body()
    body["status"] = told | {"old": {"field": 1}}
    export = export_of(gateway.seed(EXPORTS, body))
    assert export.status == SyncLogExportStatus()
    again = await write_status(gateway, export, replace(export.status, summary="Pending"))
    assert again.stray_status is None
    assert again.status.summary == "Pending"
    assert "old" not in (await gateway.get(EXPORTS, "team", "prod"))["status"]


def test_a_refusal_is_told_once_and_keeps_its_time(make):
    export = make.export()
    first = refusing(export, "InvalidSpec", "write it so", 0)
    assert [event.reason for event in first.events] == ["InvalidSpec"]
    body = make.export_body()
    body["status"] = document_of(first.status)
    second = refusing(export_of(body), "InvalidSpec", "write it so", 3_600_000)
    assert second.events == ()
    assert second.status == first.status
    ready, progressing = second.status.conditions
    assert (ready.type, ready.reason, ready.message) == ("Ready", "InvalidSpec", "write it so")
    assert (progressing.type, progressing.status.value) == ("Progressing", "Unknown")
