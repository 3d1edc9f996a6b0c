"""The CRD says what the models say, and keeps the bounds that Kubernetes needs."""

from pathlib import Path

import msgspec
import pytest
import yaml
from msgspec import inspect

from synclog.api import fields as models
from synclog.api.crd import custom_resource_definition, schema_of
from synclog.api.resource import SyncLogExport

CRD = custom_resource_definition()
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
FILE = Path(__file__).parents[3] / "crds" / "synclogexports.synclog.dev.yaml"


def nodes(schema, path=""):
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


def find(path):
    return dict(nodes(SCHEMA))[path]


def test_the_file_is_what_the_models_say():
    assert yaml.safe_load(FILE.read_text()) == CRD, "run `make generate`"


def test_the_file_fits_into_an_annotation():
    assert len(FILE.read_bytes()) < 256 * 1024


def test_every_field_is_described():
    fields = {f"{path}.{name}": child for path, node in nodes(SCHEMA)
              for name, child in node.get("properties", {}).items()}  # fmt: skip
    assert [path for path, field in fields.items() if not field.get("description")] == []


def test_every_node_has_a_type():
    assert [path for path, node in nodes(SCHEMA) if "type" not in node] == []


@pytest.mark.parametrize("part", ["spec", "status"])
def test_whatever_a_rule_sees_is_bounded(part):
    """CEL's cost is estimated from the largest sizes; an unbounded one is refused."""
    unbounded = [
        path
        for path, node in nodes(SCHEMA["properties"][part])
        if (node["type"] == "string" and not {"enum", "maxLength"} & set(node))
        or (node["type"] == "array" and "maxItems" not in node)
        or ("additionalProperties" in node and "maxProperties" not in node)
    ]
    assert unbounded == []


def test_every_rule_says_what_to_write():
    rules = [rule for _, node in nodes(SCHEMA) for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) > 20
    assert [rule for rule in rules if len(rule["message"]) < 15] == []


def test_defaults_are_those_of_the_models():
    smallest = {
        "spec": {
            "source": {"url": "https://x", "auth": {"bearerToken": {"secretName": "s"}}},
            "range": {"rolling": {}},
            "destination": {"persistentVolumeClaim": {"claimName": "c"}},
        }
    }

    def fill(value, schema):
        if schema.get("type") == "object" and isinstance(value, dict):
            for name, child in schema.get("properties", {}).items():
                if name not in value and "default" in child:
                    value[name] = msgspec.json.decode(msgspec.json.encode(child["default"]))
                if name in value:
                    fill(value[name], child)
        return value

    plain = msgspec.convert(smallest, SyncLogExport)
    filled = msgspec.convert(fill(msgspec.to_builtins(smallest), SCHEMA), SyncLogExport)
    assert plain == filled
    assert find(".spec.range.rolling.settleDelay")["default"] == "15m"
    assert find(".spec.history")["default"] == {}


def test_required_fields_have_no_default():
    for path, node in nodes(SCHEMA):
        for name in node.get("required", []):
            assert "default" not in node["properties"][name], f"{path}.{name}"


def test_columns_point_at_fields():
    paths = dict(nodes(SCHEMA))
    for column in CRD["spec"]["versions"][0]["additionalPrinterColumns"]:
        if not column["jsonPath"].startswith(".metadata"):
            assert column["jsonPath"] in paths, column


def test_a_type_without_a_place_in_a_schema_is_refused():
    with pytest.raises(TypeError, match="no place in a structural schema"):
        schema_of(inspect.type_info(float))


def test_a_field_without_a_description_is_refused():
    class Bare(models.Model, frozen=True, kw_only=True):
        value: int

    with pytest.raises(TypeError, match=r"Bare\.value has no description"):
        schema_of(inspect.type_info(Bare))
