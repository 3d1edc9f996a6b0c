"""Schemas: reading, pruning, defaults, validation, rules."""

import pytest

from devcluster.apiserver.schema.decode import DecodeError, apply_defaults, decode_builtin, prune
from devcluster.apiserver.schema.models import node_of
from devcluster.apiserver.schema.node import ABSENT, from_openapi
from devcluster.apiserver.schema.quantity import QuantityError, amount, canonical
from devcluster.apiserver.schema.rules import check_rules
from devcluster.apiserver.schema.structural import structural_causes
from devcluster.apiserver.schema.times import is_date_time
from devcluster.apiserver.schema.validate import validate


def causes(schema, value, path="spec"):
    return [str(cause) for cause in validate(from_openapi(schema), value, path)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1500", "1500"),
        ("1000", "1k"),
        ("1024Mi", "1Gi"),
        ("0.5Gi", "512Mi"),
        ("1000Ki", "1000Ki"),
        ("1023", "1023"),
        ("0", "0"),
        ("1e3", "1e3"),
        ("100n", "100n"),
        ("12E", "12E"),
    ],
)
def test_quantities_have_one_form(text, written):
    assert canonical(text) == written
    assert amount(canonical(text)) == amount(text)


@pytest.mark.parametrize("text", ["", "x", "1x", "Gi", "1.2.3", "1 Gi", "--1"])
def test_what_is_no_quantity(text):
    with pytest.raises(QuantityError):
        canonical(text)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("2026-01-31T00:00:00Z", True),
        ("2026-01-31t00:00:00.123456789+05:30", True),
        ("2026-02-31T00:00:00Z", False),
        ("2026-01-31T00:00:00", False),
        ("2026-01-31", False),
        ("2026-01-31T25:00:00Z", False),
    ],
)
def test_date_times(text, holds):
    assert is_date_time(text) is holds


@pytest.mark.parametrize(
    ("schema", "value", "cause"),
    [
        (
            {"type": "integer"},
            "1",
            'spec: Invalid value: "string": spec in body must be of type integer: "string"',
        ),
        (
            {"type": "string", "pattern": "^a+$"},
            "b",
            "spec: Invalid value: \"b\": spec in body should match '^a+$'",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            ["a", "a"],
            'spec[1]: Duplicate value: "a"',
        ),
        ({"type": "object", "required": ["a"]}, {}, "spec.a: Required value"),
        (
            {"x-kubernetes-int-or-string": True},
            1.5,
            'spec: Invalid value: "number": spec in body must be of type integer,string: "number"',
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string", "maxLength": 1}},
            {"k": "long"},
            "spec.k: Too long: may not be more than 1 bytes",
        ),
    ],
)
def test_violations(schema, value, cause):
    assert causes(schema, value) == [cause]


def test_what_is_valid_has_no_causes():
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "number", "minimum": 0},
            "i": {"type": "integer"},
            "nothing": {"type": "string", "nullable": True},
            "either": {"x-kubernetes-int-or-string": True},
        },
    }
    assert causes(schema, {"n": 1, "i": 2.0, "nothing": None, "either": "25%"}) == []


def test_defaults_are_filled_in_at_every_level_and_pruning_drops_the_rest():
    node = from_openapi(
        {
            "type": "object",
            "properties": {
                "a": {
                    "type": "object",
                    "default": {},
                    "properties": {"b": {"type": "string", "default": "x"}},
                },
                "list": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"c": {"type": "integer", "default": 1}},
                    },
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    )
    unknown = []
    value = {"list": [{}, {"c": 2, "d": 3}], "a": None, "free": {"x": {"y": 1}}, "z": 1}
    pruned = prune(node, value, "spec", unknown.append)
    assert unknown == ["spec.list[1].d", "spec.z"]
    assert apply_defaults(node, pruned) == {
        "a": {"b": "x"},
        "list": [{"c": 1}, {"c": 2}],
        "free": {"x": {"y": 1}},
    }


RULES = {
    "type": "object",
    "properties": {
        "start": {"type": "string", "format": "date-time"},
        "end": {"type": "string", "format": "date-time"},
        "name": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}],
        },
        "map": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {
                "type": "object",
                "properties": {"k": {"type": "string"}, "v": {"type": "integer"}},
                "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v", "message": "grows"}],
            },
        },
    },
    "x-kubernetes-validations": [
        {"rule": "!has(self.start) || self.start < self.end", "message": "in order"},
        {
            "rule": "!has(self.name) || self.name.lowerAscii() == self.name",
            "messageExpression": "'not ' + self.name",
            "fieldPath": ".name",
        },
    ],
}


def broken(value, old=ABSENT):
    return [str(cause) for cause in check_rules(from_openapi(RULES), value, old, "spec")]


def test_rules_see_times_as_times():
    assert broken({"start": "2026-01-01T01:00:00+01:00", "end": "2026-01-01T00:00:01Z"}) == []
    assert broken({"start": "2026-01-01T01:00:00Z", "end": "2026-01-01T00:00:00Z"}) == [
        "spec: Invalid value: in order"
    ]


def test_transition_rules_need_a_past():
    assert broken({"name": "a"}) == []
    assert broken({"name": "a"}, {"name": "a"}) == []
    assert broken({"name": "a"}, {"name": "b"}) == ['spec.name: Invalid value: "a": fixed']


def test_entries_of_a_map_list_are_found_again_by_their_key():
    old = {"map": [{"k": "a", "v": 1}, {"k": "b", "v": 5}]}
    assert broken({"map": [{"k": "b", "v": 6}, {"k": "c", "v": 0}, {"k": "a", "v": 1}]}, old) == []
    assert broken({"map": [{"k": "b", "v": 4}]}, old) == ["spec.map[0]: Invalid value: grows"]


def test_a_rule_may_compute_its_message_and_place():
    assert broken({"name": "A"}) == ["spec.name: Invalid value: not A"]


def test_a_rule_that_cannot_be_evaluated_says_so():
    (cause,) = broken({"start": "2026-01-01T01:00:00Z"})
    assert "rule evaluation error" in cause


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"properties": {"a": {}}}, "properties[a].type: Required value"),
        ({"properties": {"a": {"type": "array"}}}, "properties[a].items: Required value"),
        ({"properties": {"a": {"type": "string", "pattern": "("}}}, "valid regular expression"),
        (
            {"properties": {"a": {"type": "string", "default": 1}}},
            "must be of type string",
        ),
        (
            {"x-kubernetes-validations": [{"rule": "self.("}]},
            "compilation failed",
        ),
        ({"properties": {"a": {"type": "string", "$ref": "x"}}}, "$ref is not supported"),
        (
            {"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
            "mutual exclusive",
        ),
    ],
)
def test_what_a_definition_may_not_say(schema, text):
    found = [str(cause) for cause in structural_causes({"type": "object", **schema}, "schema")]
    assert any(text in cause for cause in found)


def test_built_in_kinds_know_their_fields():
    node = node_of("V1Job")
    unknown = []
    body = {
        "spec": {
            "parallelism": 2,
            "template": {"spec": {"containers": [{"name": "c", "env": [{"nam": "x"}]}]}},
        },
        "extra": None,
    }
    decoded = decode_builtin(node, body, "", unknown.append)
    assert unknown == ["spec.template.spec.containers[0].env[0].nam", "extra"]
    assert decoded["spec"]["parallelism"] == 2
    with pytest.raises(DecodeError, match=r"field JobSpec\.spec\.parallelism of type int32"):
        decode_builtin(node, {"spec": {"parallelism": "2"}}, "", unknown.append)


def test_times_of_built_in_kinds_are_written_in_utc():
    lease = node_of("V1Lease")
    body = {"spec": {"renewTime": "2026-01-31T13:00:00.123456+01:00"}}
    decoded = decode_builtin(lease, body, "", lambda _: None)
    assert decoded["spec"]["renewTime"] == "2026-01-31T12:00:00.123456Z"
    job = node_of("V1Job")
    body = {"status": {"startTime": "2026-01-31T13:00:00.9+01:00"}}
    assert decode_builtin(job, body, "", lambda _: None)["status"] == {
        "startTime": "2026-01-31T12:00:00Z"
    }
