"""Custom resources: the schema, its rules, defaults, pruning, and the status apart."""

import pytest

from support.kube import EXPORTS, JSON, MERGE, export, export_with, ok, refused

KIND = 'SyncLogExport.synclog.dev "export" is invalid: '


@pytest.fixture
def exports(api, crd, namespace):
    return f"{EXPORTS}/{namespace}/synclogexports"


def test_the_definition_is_accepted_as_it_is(crd):
    conditions = {c["type"]: c["reason"] for c in crd["status"]["conditions"]}
    assert conditions["NamesAccepted"] == "NoConflicts"
    assert conditions["Established"] == "InitialNamesAccepted"
    assert crd["status"]["acceptedNames"]["shortNames"] == ["sle"]
    assert crd["status"]["storedVersions"] == ["v1beta1"]
    assert "NonStructuralSchema" not in conditions


def test_a_minimal_export_gets_its_defaults(api, exports):
    made = ok(api.post(exports, export()), 201)
    spec = made["spec"]
    assert made["metadata"]["generation"] == 1
    assert spec["source"]["format"] == "CSV"
    assert spec["source"]["auth"]["apiClient"]["clientIdKey"] == "clientId"
    assert spec["range"]["rolling"]["maxWindow"] == "24h"
    assert spec["history"] == {"successful": 3, "failed": 3}
    assert spec["suspend"] is False
    assert "status" not in made


def test_causes_name_the_field(api, exports):
    answer = api.post(exports, export_with("spec.parallelism", 0))
    assert ok(answer, 422)["details"] == {
        "name": "export",
        "group": "synclog.dev",
        "kind": "SyncLogExport",
        "causes": [
            {
                "reason": "FieldValueInvalid",
                "message": "Invalid value: 0: "
                "spec.parallelism in body should be greater than or equal to 1",
                "field": "spec.parallelism",
            }
        ],
    }


def test_unknown_fields_are_refused_strictly_and_else_dropped_with_a_warning(api, exports):
    body = export_with("spec.shedule", "@daily")
    message = refused(api.post(exports, body, fieldValidation="Strict"), 400, "BadRequest")
    assert message == (
        'SyncLogExport in version "v1beta1" cannot be handled as a SyncLogExport: '
        'strict decoding error: unknown field "spec.shedule"'
    )
    answer = api.post(exports, body)
    assert "shedule" not in ok(answer, 201)["spec"]
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.shedule\\""'


def test_free_parts_keep_what_is_written(api, exports):
    tolerations = [{"key": "a", "operator": "Exists", "whatever": {"x": [1]}}]
    made = ok(api.post(exports, export_with("spec.podTemplate", {"tolerations": tolerations})), 201)
    assert made["spec"]["podTemplate"]["tolerations"] == tolerations


def test_null_is_absent(api, exports):
    made = ok(api.post(exports, export_with("spec.schedule", None)), 201)
    assert "schedule" not in made["spec"]
    assert ok(api.patch(f"{exports}/export", {"spec": {"history": None}}))["spec"]["history"] == {
        "successful": 3,
        "failed": 3,
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"destination": {"persistentVolumeClaim": {"claimName": "other"}}},
            "spec.destination: Invalid value: destination cannot change",
        ),
        (
            {
                "range": {
                    "rolling": None,
                    "between": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
                }
            },
            "spec.range: Invalid value: the kind of range cannot change",
        ),
        (
            {"range": {"rolling": {"from": "2026-01-01T00:00:00Z"}}},
            "spec.range.rolling: Invalid value: from cannot change",
        ),
        ({"source": {"tenant": "other"}}, "spec.source: Invalid value: tenant cannot change"),
    ],
)
def test_what_identifies_the_ledger_cannot_change(api, exports, change, text):
    api.made(exports, export())
    message = refused(api.patch(f"{exports}/export", {"spec": change}), 422, "Invalid")
    assert message.startswith(KIND + text)


def test_status_and_spec_are_written_apart(api, exports):
    made = api.made(exports, {**export(), "status": {"summary": "mine"}})
    assert "status" not in made
    made["spec"]["suspend"] = True
    made["status"] = {"summary": "mine"}
    updated = ok(api.put(f"{exports}/export", made))
    assert updated["metadata"]["generation"] == 2
    assert "status" not in updated
    updated["spec"]["suspend"] = False
    updated["metadata"]["labels"] = {"from": "status"}
    updated["status"] = {"summary": "Ready", "activeCount": 1}
    reported = ok(api.put(f"{exports}/export/status", updated))
    assert reported["metadata"]["generation"] == 2
    assert "labels" not in reported["metadata"]
    assert reported["spec"]["suspend"] is True
    assert reported["status"]["summary"] == "Ready"
    patched = ok(api.patch(f"{exports}/export/status", {"status": {"summary": "Fine"}}, MERGE))
    assert patched["status"] == {**reported["status"], "summary": "Fine"}
    assert int(patched["metadata"]["resourceVersion"]) > int(
        reported["metadata"]["resourceVersion"]
    )


def test_status_is_checked_and_pruned_too(api, exports):
    api.made(exports, export())
    path = f"{exports}/export/status"
    message = refused(api.patch(path, {"status": {"activeCount": "one"}}), 422, "Invalid")
    assert 'status.activeCount: Invalid value: "string": activeCount in body' in message
    moment = "2026-01-01T00:00:00Z"
    ready = {"type": "Ready", "status": "True", "reason": "A", "lastTransitionTime": moment}
    twice = {"status": {"conditions": [ready, ready]}}
    message = refused(api.patch(path, twice), 422, "Invalid")
    assert message == KIND + 'status.conditions[1]: Duplicate value: {"type":"Ready"}'
    kept = ok(api.patch(path, {"status": {"conditions": [ready], "mine": 1}}))["status"]
    assert "mine" not in kept
    assert kept["conditions"][0]["type"] == "Ready"


def test_generation_counts_spec_changes_only(api, exports):
    api.made(exports, export())
    path = f"{exports}/export"
    assert ok(api.patch(path, {"metadata": {"labels": {"a": "b"}}}))["metadata"]["generation"] == 1
    assert ok(api.patch(path, {"spec": {"suspend": True}}))["metadata"]["generation"] == 2


def test_a_write_needs_the_version_that_it_changes(api, exports):
    made = api.made(exports, export())
    path = f"{exports}/export"
    del made["metadata"]["resourceVersion"]
    message = refused(api.put(path, made), 422, "Invalid")
    assert message.endswith(
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    )
    stale = {"metadata": {"resourceVersion": "1"}, "status": {"summary": "late"}}
    refused(api.patch(f"{path}/status", stale), 409, "Conflict")
    assert "status" not in api.read(path)


def test_rules_hold_for_patches(api, exports):
    api.made(exports, export())
    operations = [{"op": "remove", "path": "/spec/range"}]
    message = refused(api.patch(f"{exports}/export", operations, JSON), 422, "Invalid")
    assert "spec.range: Required value" in message


def test_a_status_for_another_object_of_that_name_conflicts(api, exports):
    """The version tells; the status path reads no other metadata, the uid neither."""
    gone = api.made(exports, export())["metadata"]
    ok(api.delete(f"{exports}/export"))
    api.made(exports, export())
    late = {"metadata": {"uid": gone["uid"], "resourceVersion": gone["resourceVersion"]}}
    answer = api.patch(f"{exports}/export/status", {**late, "status": {"destination": "x"}})
    refused(answer, 409, "Conflict")
    only_uid = {"metadata": {"uid": gone["uid"]}, "status": {"destination": "y"}}
    assert ok(api.patch(f"{exports}/export/status", only_uid))["status"]["destination"] == "y"
    assert "metadata.uid" in refused(api.patch(f"{exports}/export", only_uid), 422, "Invalid")


@pytest.mark.parametrize("version", ["0", "", None])
def test_a_patch_may_not_drop_the_version(api, exports, version):
    api.made(exports, export())
    change = {"metadata": {"resourceVersion": version}, "spec": {"suspend": True}}
    message = refused(api.patch(f"{exports}/export", change), 422, "Invalid")
    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in message
