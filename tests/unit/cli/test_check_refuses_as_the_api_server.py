"""`check` and the API server: what one refuses, the other refuses, in the same words."""

import copy
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.registry.metadata import metadata_causes
from devcluster.apiserver.schema.decode import apply_defaults, prune
from devcluster.apiserver.schema.node import ABSENT, from_openapi
from devcluster.apiserver.schema.rules import check_rules
from devcluster.apiserver.schema.validate import BLOCKING, validate
from synclog.api.admission import admit
from synclog.api.cel import CelError, compile_rule
from synclog.api.crd import custom_resource_definition
from synclog.cli.checking import CheckError, check

SCHEMA = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
NODE = from_openapi(SCHEMA)
S3 = {"s3": {"bucket": "my-bucket"}}
GCS = {"gcs": {"bucket": "my-bucket"}}
AZURE = {"azureBlob": {"account": "account", "container": "box"}}
BASES = [
    {},
    {"schedule": "H 2 * * *", "startingDeadline": "5m", "runTimeout": "2h", "trigger": "now"},
    {
        "destination": {"s3": {"bucket": "my-bucket", "prefix": "a/b", "endpoint": "https://x:9000",
         "tags": {"team": "iam"}, "storageClass": "STANDARD_IA",
         "caBundle": {"configMapName": "ca"}, "credentials": {"secretName": "s3"},
         "serverSideEncryption": {"type": "KMS", "kmsKeyId": "k"}}},
        "range": {"between": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}},
        "output": {"compression": "Zstd", "layout": "year={year}"},
    },
    {
        "destination": {"azureBlob": {"account": "account", "container": "box",
         "accessTier": "Cool", "credentials": {"secretName": "az", "sasTokenKey": "sas"}}},
        "range": {"last": {"duration": "7d", "maxWindow": "1h"}},
        "podTemplate": {"labels": {"a": "b"}, "nodeSelector": {"c": "d"}, "tolerations": [{}],
         "env": [{"name": "A", "value": "b"}], "resources": {"limits": {"cpu": 1}}},
        "history": {"successful": 1, "failed": 0},
    },
    {
        "destination": {"gcs": {"bucket": "my-bucket", "credentials": {"secretName": "g"}}},
        "source": {"url": "https://x.example", "format": "JSON", "pageSize": 100,
         "sort": {"column": "action"}, "proxy": "http://proxy:3128", "retention": "30d",
         "auth": {"userPassword": {"secretName": "u", "totpSeedKey": "t"}}, "tenant": "t"},
    },
]  # fmt: skip


def manifest(**spec):
    return {
        "apiVersion": "synclog.dev/v1beta1",
        "kind": "SyncLogExport",
        "metadata": {"name": "prod", "namespace": "team"},
        "spec": {
            "source": {
                "url": "https://console.us.code42.com",
                "auth": {"apiClient": {"secretName": "code42"}},
            },
            "range": {"rolling": {"from": "2026-03-01T00:00:00Z"}},
            "destination": {"persistentVolumeClaim": {"claimName": "archive"}},
        }
        | spec,
    }


def server_says(document):
    """What the embedded API server has against it: unknown fields, and everything else."""
    unknown = []
    plain = prune(NODE, {**document, "metadata": {}}, "", unknown.append)
    stored = {**apply_defaults(NODE, plain), "metadata": document["metadata"]}
    causes = list(metadata_causes(Strategy(), document["metadata"], custom=True))
    causes += validate(NODE, stored, "")
    if not any(cause.reason in BLOCKING for cause in causes):
        causes += check_rules(NODE, stored, ABSENT, "")
    return unknown, sorted(map(str, causes))


def check_says(document):
    _, problems = admit(document)
    unknown = [problem.field for problem in problems if "no such field" in problem.text]
    return unknown, sorted(str(each) for each in problems if "no such field" not in each.text)


def places(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else ()
    for key, item in [*pairs, *(enumerate(value) if isinstance(value, list) else ())]:
        yield from places(item, (*path, key))


def put(document, path, value):
    changed = copy.deepcopy(document)
    *way, last = path
    owner = changed
    for step in way:
        owner = owner[step]
    if value is ABSENT:
        del owner[last]
    else:
        owner[last] = value
    return changed


TEXTS = ["", "a", "A b", "Bad Name", "-a", "a-", "a/b", "../a", "/a", "a//b", "x" * 64, "x" * 300,
         "ftp://x", "http://x", "https://u@x", "https://x?q", "https://x/", "https://x\n",
         "0s", "59s", "1m", "90d", "1.5h", "9999999d", "5 min", "1h\n", "soon",
         "2026-01-31", "2026-01-31T00:00:00Z", "2026-13-31T00:00:00Z", "2026-01-31T00:00:00+02:00",
         "@daily", "@often", "* * * *", "1 2 3 4 5", "CSV", "JSON", "KMS", "S3", "GLACIER",
         "{year}", "{week}", "é", "١s"]  # fmt: skip
values = st.one_of(
    st.sampled_from(TEXTS),
    st.text("aZ0-_.:/@?#= {}\n'\"\\", max_size=12),
    st.sampled_from([None, True, False, 0, 1, -1, 101, 10_001, 1.5, [], {}, ["24h"], ["1x"] * 5,
                     {"a": 1}, {"rolling": {}}, {"secretName": "s"}, S3, GCS, AZURE, ABSENT]),
)  # fmt: skip
numbers = st.integers(0, 1000)


@pytest.mark.parametrize("base", BASES)
def test_good_ones_are_good_to_both(base):
    assert server_says(manifest(**base)) == check_says(manifest(**base)) == ([], [])
    (report,) = check(yaml.safe_dump(manifest(**base)))
    assert report.good, report.text


@settings(max_examples=600, deadline=None)
@given(base=st.sampled_from(BASES), changes=st.lists(st.tuples(numbers, values), max_size=3))
def test_one_refuses_what_the_other_refuses_in_the_same_words(base, changes):
    document = manifest(**base)
    for number, value in changes:
        ways = [path for path in places(document["spec"]) if path]
        if ways:
            document["spec"] = put(document["spec"], ways[number % len(ways)], value)
    assert check_says(document) == server_says(document)


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"spec": None},
        {"spec": []},
        {"metadata": {"name": "Bad Name"}},
        {"metadata": {"name": "a..b"}},
        {"metadata": {"name": "a" * 254}},
        {"metadata": {}},
    ],
)
def test_the_whole_is_looked_at_as_the_api_server_does(changes):
    document = manifest() | changes
    assert check_says(document) == server_says(document) != ([], [])
    (report,) = check(json.dumps(document))
    assert not report.good


NEEDS_URL = (
    'spec.source.url: Invalid value: "ftp://x": write a URL such as '
    "https://console.us.code42.com, without user, query or #"
)
NEEDS_NAME = (
    'spec.source.auth.apiClient.secretName: Invalid value: "Bad Name": write the object\'s name: '
    "lower-case letters, digits, '-' and '.'"
)
NEEDS_LENGTH = 'spec.range.rolling.maxWindow: Invalid value: "1s": maxWindow must be at least 1m'
NEEDS_ONE = "spec.destination: Invalid value: set exactly one of persistentVolumeClaim, s3"
NEEDS_KIND = 'spec.output.compression: Unsupported value: "Brotli": supported values: "None"'


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("source", "url"), "ftp://x", NEEDS_URL),
        (("source", "auth", "apiClient", "secretName"), "Bad Name", NEEDS_NAME),
        (("range", "rolling", "maxWindow"), "1s", NEEDS_LENGTH),
        (("destination", "s3"), {"bucket": "abc"}, NEEDS_ONE),
        (("output",), {"compression": "Brotli"}, NEEDS_KIND),
    ],
)
def test_what_is_refused_is_said_with_its_field(path, value, words):
    document = manifest()
    (report,) = check(yaml.safe_dump(document | {"spec": put(document["spec"], path, value)}))
    assert not report.good
    assert words in report.text


def rules(schema):
    yield from schema.get("x-kubernetes-validations", ())
    for child in schema.get("properties", {}).values():
        yield from rules(child)
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from rules(schema[part])


@pytest.mark.parametrize("end", ["2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z"])
def test_a_day_that_is_in_no_calendar_is_refused_by_both(end):
    """The rule itself fails there; each says it in the words of its own library."""
    document = manifest(range={"between": {"start": "2026-01-01T00:00:00Z", "end": end}})
    for said in (check_says(document), server_says(document)):
        (problem,) = said[1]
        assert problem.startswith("spec.range.between: Invalid value")
    (report,) = check(yaml.safe_dump(document))
    assert not report.good
    assert end in report.text


def test_every_rule_of_the_definition_can_be_read():
    found = [compile_rule(each["rule"]) for each in rules(SCHEMA)]
    assert len(found) > 80


@pytest.mark.parametrize("rule", ["self.map(x, x)", "f(self)", "self ? 1 : 2", "self.", "", "'a"])
def test_a_rule_that_uses_more_than_is_known_is_an_error(rule):
    with pytest.raises(CelError):
        compile_rule(rule)


def test_a_time_in_yaml_is_the_text_that_it_is_as_for_kubectl():
    text = yaml.safe_dump(manifest()).replace("'2026-03-01T00:00:00Z'", "2026-03-01 00:00:00Z")
    (report,) = check(text)
    assert 'from: Invalid value: "2026-03-01 00:00:00Z": write a time with its zone' in report.text


def test_a_key_that_is_given_twice_is_refused_as_by_kubectl():
    with pytest.raises(CheckError, match="'url' is given twice"):
        check("kind: SyncLogExport\nspec: {source: {url: https://a, url: https://b}}")
