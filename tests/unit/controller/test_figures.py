"""The exports' metrics: they live and die with the resource, and exist at 0."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from synclog.controller.cache import Store
from synclog.controller.figures import FAMILIES, Figures, deadline
from synclog.controller.objects import export_of
from synclog.windows import format_seconds

STATUS = {
    "effectiveSchedule": "0 2 * * *",
    "scheduleSince": "2026-02-28T00:00:00Z",
    "nextScheduleTimes": ["2026-03-02T02:00:00Z"],
    "lastSuccessfulTime": "2026-03-01T02:05:00Z",
    "coveredUntil": "2026-03-01T01:45:00Z",
    "activeCount": 2,
    "consecutiveFailures": 1,
    "coverage": {
        "dueUntil": "2026-03-01T01:45:00Z",
        "gaps": [
            {"start": "2026-02-10T00:00:00Z", "end": "2026-02-11T00:00:00Z", "state": "lost"},
            {"start": "2026-02-12T00:00:00Z", "end": "2026-02-13T00:00:00Z", "state": "failed"},
        ],
        "lostSeconds": 86400,
    },
    "skipped": {"Missed": 3},
    "totals": {"events": 7, "bytes": 70, "lateEvents": 1, "runs": {"Succeeded/Exported": 4}},
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Serving",
            "lastTransitionTime": "2026-02-28T00:00:00Z",
        }
    ],
}


@pytest.fixture
def exports():
    return Store()


@pytest.fixture
def scrape(exports):
    figures = Figures(exports)

    def read():
        families = text_string_to_metric_families(figures.render())
        return {
            sample.name
            + "{"
            + ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))
            + "}": sample.value
            for family in families
            for sample in family.samples
        }

    return read


def export(make, **changes):
    body = make.export_body(**changes.pop("spec", {}))
    body["status"] = {**STATUS, **changes}
    return export_of(body)


def test_the_figures_are_what_the_status_says(make, exports, scrape):
    exports.put(export(make))
    own = 'name="prod",namespace="team"'
    found = scrape()
    assert found[f"synclog_export_active_jobs{{{own}}}"] == 2
    assert found[f"synclog_export_consecutive_failures{{{own}}}"] == 1
    assert found[f"synclog_export_events_total{{{own}}}"] == 7
    assert found[f"synclog_export_late_events_total{{{own}}}"] == 1
    assert found[f"synclog_export_lost_seconds{{{own}}}"] == 86400
    assert found[f"synclog_export_source_retention_seconds{{{own}}}"] == 90 * 86400
    assert found[f'synclog_export_coverage_gaps{{{own},state="lost"}}'] == 1
    assert found[f'synclog_export_coverage_gaps{{{own},state="pending"}}'] == 0
    assert found[f'synclog_export_skipped_ticks_total{{{own},reason="Missed"}}'] == 3
    assert found[f'synclog_export_skipped_ticks_total{{{own},reason="Overlap"}}'] == 0
    key = 'name="prod",namespace="team",reason="Exported",result="Succeeded"'
    assert found[f"synclog_export_runs_total{{{key}}}"] == 4
    assert found[f'synclog_export_condition{{{own},status="true",type="Ready"}}'] == 1
    assert found[f'synclog_export_condition{{{own},status="false",type="Ready"}}'] == 0
    oldest = found[f"synclog_export_oldest_unexported_timestamp_seconds{{{own}}}"]
    assert format_seconds(int(oldest) * 1000) == "2026-02-12T00:00:00Z", "lost is not missing"


BETWEEN = {"between": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}}
ASKED = {"start": "2026-02-14T00:00:00Z", "end": "2026-02-15T00:00:00Z"}


@pytest.mark.parametrize(
    ("range_", "coverage", "oldest"),
    [
        ({"rolling": {}}, {}, "2026-03-01T00:00:00Z"),
        (BETWEEN, {}, None),
        ({"last": {"duration": "7d"}}, {}, None),
        ({"last": {"duration": "7d"}}, {"asked": [ASKED]}, ASKED["start"]),
    ],
)
def test_the_oldest_unexported_is_what_the_condition_speaks_of(
    make, exports, scrape, range_, coverage, oldest
):
    due = {"dueUntil": "2026-03-01T00:00:00Z", **coverage}
    exports.put(export(make, spec={"range": range_}, coverage=due))
    own = 'name="prod",namespace="team"'
    found = scrape().get(f"synclog_export_oldest_unexported_timestamp_seconds{{{own}}}")
    assert (found and format_seconds(int(found) * 1000)) == oldest


def test_labels_survive_whatever_users_write(make, exports, scrape):
    exports.put(export(make, effectiveSchedule='a"b\\c\nd'))
    (info,) = (name for name in scrape() if "_info" in name)
    assert 'schedule="a"b\\c\nd"' in info


def test_a_new_resource_has_its_counters_at_zero(make, exports, scrape):
    exports.put(make.export())
    counters = [name for name in scrape() if "_total" in name]
    assert len(counters) == 3 + 8 + 3
    assert not any(scrape()[name] for name in counters)


def test_series_follow_changes_and_go_with_the_resource(make, exports, scrape):
    exports.put(export(make))
    scrape()
    exports.put(export(make, activeCount=0))
    assert scrape()['synclog_export_active_jobs{name="prod",namespace="team"}'] == 0
    exports.discard("uid-prod")
    assert scrape() == {}


def test_every_family_is_there_for_a_full_export(make, exports, scrape):
    exports.put(export(make))
    names = {name.partition("{")[0].removeprefix("synclog_export_") for name in scrape()}
    assert names == {family.name for family in FAMILIES}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "2026-03-02T03:10:00Z"),
        ({"lastSuccessfulTime": None}, "2026-02-28T03:10:00Z"),
        ({"scheduleSince": "2026-03-05T00:00:00Z"}, "2026-03-05T03:10:00Z"),
        (
            {
                "conditions": [
                    {
                        "type": "Suspended",
                        "status": "False",
                        "reason": "NotSuspended",
                        "lastTransitionTime": "2026-03-09T00:00:00Z",
                    }
                ]
            },
            "2026-03-09T03:10:00Z",
        ),
        ({"spec": {"suspend": True}}, None),
        ({"spec": {"schedule": None}}, None),
        ({"nextScheduleTimes": []}, None),
        ({"spec": {"schedule": "nonsense"}}, None),
    ],
)
def test_the_deadline_is_the_tick_after_the_last_success_and_a_runs_time(make, changes, expected):
    """Also for one that never succeeded; not for one where nothing is due."""
    at = deadline(export(make, **changes))
    assert (at and format_seconds(at)) == expected


def test_an_export_that_is_not_understood_still_has_its_status(make, exports, scrape):
    exports.put(make.export(spec={"source": 5}))
    found = scrape()
    assert found['synclog_export_consecutive_failures{name="prod",namespace="team"}'] == 0
    assert not [name for name in found if "retention" in name]


def test_one_that_cannot_be_read_does_not_cost_the_others(make, exports, scrape, caplog):
    body = make.export_body("odd")
    body["spec"]["source"]["retention"] = "a while"
    exports.put(export_of(body))
    exports.put(export(make))
    assert {name for name in scrape() if 'name="prod"' in name} == set(scrape())
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "team/odd has no figures"
    ]


@pytest.mark.parametrize(
    ("destination", "kind"),
    [
        ({"persistentVolumeClaim": {"claimName": "c"}}, "persistentVolumeClaim"),
        ({"s3": {"bucket": "archive"}}, "s3"),
        ({"gcs": {"bucket": "archive"}}, "gcs"),
        ({"azureBlob": {"account": "acme", "container": "archive"}}, "azureBlob"),
    ],
)
def test_the_kind_of_destination_is_told(make, exports, destination, kind):
    exports.put(make.export(destination=destination))
    assert f'destination_type="{kind}"' in Figures(exports).render()
