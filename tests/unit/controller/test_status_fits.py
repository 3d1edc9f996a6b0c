"""Whatever Jobs and pods say, the status that comes of it is one that the API server takes.

A status that it refuses could never be written again: the resource would say nothing any more.
"""

import json

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devcluster.apiserver.schema.node import from_openapi
from devcluster.apiserver.schema.validate import validate
from synclog.api.crd import schema_of
from synclog.api.run import Purpose, RunIdentity, Slot, SpanText
from synclog.api.status import SyncLogExportStatus
from synclog.controller.objects import export_of, job_of, pod_of
from synclog.controller.observe import observed_of, run_of
from synclog.controller.results import results_of
from synclog.controller.status import document_of, refusing
from synclog.controller.stuck import Warned
from synclog.planning.model import Stuck
from synclog.planning.plan import plan
from synclog.windows import DAY, HOUR, parse_time

NOW = parse_time("2026-03-01T12:00:00Z")
SCHEMA = from_openapi(schema_of(msgspec.inspect.type_info(SyncLogExportStatus)))
INT64 = 1 << 63

long = st.builds(lambda text, times: text * times, st.text(max_size=4), st.integers(0, 3000))
words = st.one_of(st.text(max_size=8), long, st.sampled_from(["", " ", "Exported", "TokenRefused"]))
numbers = st.one_of(
    st.integers(-5, 5), st.sampled_from([1 << 53, INT64 - 1, INT64, 10**30, -(10**30)])
)
times = st.one_of(
    words,
    st.sampled_from(
        [
            "2026-02-01T00:00:00.000Z",
            "2026-02-20T00:00:00.000Z",
            "0001-01-01T00:00:00+14:00",
            "0001-01-01T00:00:00Z",
            "0900-01-01T00:00:00Z",
            "9999-12-31T23:59:59-14:00",
            "9999-12-31T23:59:59.999Z",
            "2026-02-30T00:00:00Z",
        ]
    ),
)
windows = st.fixed_dictionaries({"start": times, "end": times})
many_windows = st.one_of(
    st.lists(windows, max_size=4),
    st.integers(0, 700).map(
        lambda count: [
            {"start": f"{year}-01-01T00:00:00Z", "end": f"{year}-07-01T00:00:00Z"}
            for year in range(1970, 1970 + count)
        ]
    ),
)
ledgers = st.fixed_dictionaries({"id": words, "head": numbers, "digest": words})
coverages = st.fixed_dictionaries(
    {"from": times},
    optional={
        "intervals": many_windows,
        "lost": many_windows,
        "rechecked": st.dictionaries(words, many_windows, max_size=12),
        "truncated": st.booleans(),
    },
)
counts = ("windows", "events", "bytes", "storedBytes", "parts", "lateEvents")
results = st.fixed_dictionaries(
    {"outcome": st.sampled_from(["Succeeded", "Failed", "Else", ""]), "reason": words},
    optional={
        "message": words,
        "exitCode": numbers,
        "window": windows,
        "ledger": ledgers,
        "coverage": coverages,
        "totals": st.fixed_dictionaries({}, optional=dict.fromkeys(counts, numbers)),
        **dict.fromkeys(counts[1:], numbers),
    },
)
messages = st.one_of(words, results.map(json.dumps))
names = st.text("abcdefghij-", min_size=1, max_size=253)
identities = st.builds(
    lambda **fields: msgspec.json.encode(RunIdentity(**fields)).decode(),
    purpose=st.sampled_from(Purpose),
    slot=st.sampled_from(Slot),
    attempt=st.integers(1, 3),
    generation=st.integers(1, 2),
    span=st.one_of(
        st.none(),
        st.builds(SpanText, start=times, end=times, step_ms=st.sampled_from([DAY, 365 * DAY])),
    ),
    recheck=words,
    scheduled=times,
    trigger=words,
)
ends = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Complete", "Failed", "FailureTarget"]),
            "status": st.just("True"),
            "reason": words,
            "message": words,
            "lastTransitionTime": st.sampled_from(["2026-03-01T00:30:00Z", "2026-03-02T00:00:00Z"]),
        }
    ),
    max_size=1,
)
pods = st.lists(
    st.tuples(st.sampled_from([0, 1, 11, 137]), messages, words, st.booleans()), max_size=3
)
jobs = st.lists(
    st.tuples(names, identities, ends, pods, st.booleans(), st.lists(words, max_size=1)),
    max_size=3,
    unique_by=lambda job: job[0],
)


FAR = json.dumps(
    {
        "outcome": "Succeeded",
        "reason": "Inspected",
        "ledger": {"id": "a", "head": 1, "digest": "d"},
        "coverage": {"from": "9999-12-31T23:59:59.999Z"},
    }
)


def held(status):
    """The status as it is stored: what the API server would refuse is an error."""
    document = document_of(status)
    assert [str(cause) for cause in validate(SCHEMA, document, "status")] == []
    assert [number for number in _numbers(document) if not -INT64 <= number < INT64] == []
    return json.loads(json.dumps(document))


def _numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int) else []


def run_from(make, name, identity, conditions, ended, deleting, told):
    body = make.job_body(name, annotation=identity, conditions=tuple(conditions))
    if deleting:
        body["metadata"]["deletionTimestamp"] = "2026-03-01T00:00:00Z"
    job = job_of(body)
    found = []
    for number, (code, message, reason, waits) in enumerate(ended):
        said = make.waiting("ErrImagePull", message) if waits else make.ended(code, message, reason)
        found.append(pod_of(make.pod_body(f"{name[:60]}-{number}", index=number, **said)))
    warned = [Warned(job.uid, f"Failed{text}", text, NOW) for text in told]
    return run_of(job, found, warned, NOW)


@settings(max_examples=300, deadline=None)
@given(jobs=jobs, refused=st.one_of(st.none(), st.builds(Stuck, words, words, st.just(NOW))))
@example(jobs=[], refused=Stuck("", "", NOW))
def test_what_jobs_and_pods_say_always_fits_into_a_status(make_one, jobs, refused):
    make = make_one()
    body = make.export_body()
    runs = [run for job in jobs if (run := run_from(make, *job)) is not None]
    now = NOW
    for seen in (runs, runs, [], []):
        export = export_of(body)
        assert export.stray_status is None
        found = plan(observed_of(export, seen, refused), now)
        body["status"] = held(found.status)
        held(refusing(export, "InvalidSpec", "x" * 5000, now).status)
        now += HOUR


@settings(max_examples=200, deadline=None)
@example(told=[FAR])
@given(told=st.lists(results.map(json.dumps), min_size=1, max_size=2))
def test_what_an_inspection_says_always_fits_into_a_status(make_one, told):
    """The first result, of which the ledger is learnt."""
    make = make_one()
    body = make.export_body()
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-01T00:30:00Z"}
    job = job_of(make.job_body(purpose=Purpose.INSPECT, span=None, conditions=(complete,)))
    found = [pod_of(make.pod_body(f"p{n}", **make.ended(0, text))) for n, text in enumerate(told)]
    for day, seen in enumerate((found, [], [])):  # each day has a tick
        run = run_of(job, seen, [], NOW)
        look = plan(observed_of(export_of(body), [run] if seen else []), NOW + day * DAY)
        body["status"] = held(look.status)


def test_a_result_with_numbers_that_no_status_holds_is_none(make):
    told = '{"outcome":"Succeeded","reason":"Exported","events":99999999999999999999}'
    assert results_of([make.pod(**make.ended(0, told))], Purpose.WINDOW, []) == ()
