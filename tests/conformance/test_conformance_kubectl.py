"""A real kubectl in people's hands."""

import json

import pytest
import yaml

from support.kube import CORE, EXPORTS, eventually, export, job, ok

pytestmark = pytest.mark.usefixtures("crd")


def text(body):
    return yaml.safe_dump(body)


@pytest.fixture
def exports(namespace):
    return f"{EXPORTS}/{namespace}/synclogexports"


def test_explain_reads_well(kubectl):
    shown = kubectl("explain", "sle.spec.range")
    assert "KIND:       SyncLogExport" in shown
    assert "Which part of it is exported." in shown
    assert "rolling\t<Object>" in shown
    shown = kubectl("explain", "sle.spec.source.auth", "--recursive")
    assert "clientSecretKey" in shown
    assert "FIELD: containers <[]Container>" in kubectl(
        "explain", "job.spec.template.spec.containers"
    )


def test_apply_creates_changes_and_leaves_alone(kubectl):
    assert "export created" in kubectl("apply", "-f", "-", stdin=text(export()))
    assert "export unchanged" in kubectl("apply", "-f", "-", stdin=text(export()))
    assert "export configured" in kubectl("apply", "-f", "-", stdin=text(export(suspend=True)))
    assert kubectl("get", "sle", "export", "-o", "jsonpath={.spec.suspend}") == "true"
    assert "export configured" in kubectl("apply", "-f", "-", stdin=text(export()))
    assert kubectl("get", "sle", "export", "-o", "jsonpath={.spec.suspend}") == "false"


def test_apply_refuses_unknown_fields(kubectl):
    complaint = kubectl("apply", "-f", "-", stdin=text(export(shedule="@daily")), fails=True)
    assert 'strict decoding error: unknown field "spec.shedule"' in complaint


def test_apply_of_a_job_merges_strategically(kubectl):
    body = {"apiVersion": "batch/v1", "kind": "Job", **job()}
    assert "j created" in kubectl("apply", "-f", "-", stdin=text(body))
    body["spec"]["parallelism"] = 1
    assert "j configured" in kubectl("apply", "-f", "-", stdin=text(body))
    body["spec"]["completions"] = 9
    assert "The Job" in kubectl("apply", "-f", "-", stdin=text(body), fails=True)


def test_dry_run_and_diff_change_nothing(kubectl):
    kubectl("apply", "-f", "-", stdin=text(export()))
    changed = text(export(suspend=True))
    assert "(server dry run)" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=changed)
    assert kubectl("get", "sle", "export", "-o", "jsonpath={.spec.suspend}") == "false"


def test_get_prints_our_columns(kubectl, api, exports):
    kubectl("apply", "-f", "-", stdin=text(export()))
    status = {"summary": "Ready", "coverage": {"gapCount": 2}, "totals": {"events": 42}}
    ok(api.patch(f"{exports}/export/status", {"status": status}))
    header, row = kubectl("get", "sle").splitlines()
    assert header.split()[:5] == ["NAME", "SCHEDULE", "SUSPEND", "STATUS", "ACTIVE"]
    assert row.split()[:3] == ["export", "false", "Ready"]
    header, row = kubectl("get", "sle", "-o", "wide").splitlines()
    assert {"TIMEZONE", "DESTINATION", "EVENTS", "DURATION", "FAILURES"} <= set(header.split())
    assert "42" in row.split()
    assert kubectl("get", "synclog", "-o", "name") == "synclogexport.synclog.dev/export\n"


def test_get_prints_the_columns_of_others(kubectl):
    kubectl("apply", "-f", "-", stdin=text({"apiVersion": "batch/v1", "kind": "Job", **job()}))
    header, row = kubectl("get", "jobs").splitlines()
    assert header.split() == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert row.split()[0] == "j"
    assert "0/3" in row
    kubectl("create", "secret", "generic", "s", "--from-literal=a=b")
    assert kubectl("get", "secrets").splitlines()[1].split()[:3] == ["s", "Opaque", "1"]
    assert "No resources found" not in kubectl("get", "events,jobs,pods,pvc,leases,sa,cm")


def test_describe_shows_spec_status_and_events(kubectl, namespace):
    kubectl("apply", "-f", "-", stdin=text(export()))
    uid = kubectl("get", "sle", "export", "-o", "jsonpath={.metadata.uid}")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "told"},
        "involvedObject": {
            "apiVersion": "synclog.dev/v1beta1",
            "kind": "SyncLogExport",
            "namespace": namespace,
            "name": "export",
            "uid": uid,
        },
        "reason": "RunStarted",
        "message": "the first run",
        "type": "Normal",
    }
    kubectl("create", "-f", "-", stdin=text(event))
    shown = kubectl("describe", "sle", "export")
    assert "Claim Name:  archive" in shown
    assert "RunStarted" in shown
    assert "the first run" in shown
    kubectl("create", "-f", "-", stdin=text({"apiVersion": "batch/v1", "kind": "Job", **job()}))
    assert "Completion Mode:" in kubectl("describe", "job", "j")


def test_patch_in_its_three_kinds(kubectl):
    kubectl("apply", "-f", "-", stdin=text(export()))
    patch = json.dumps({"spec": {"suspend": True}})
    assert "patched" in kubectl("patch", "sle", "export", "--type=merge", "-p", patch)
    operations = json.dumps([{"op": "replace", "path": "/spec/suspend", "value": False}])
    assert "patched" in kubectl("patch", "sle", "export", "--type=json", "-p", operations)
    assert "strategic-merge-patch" in kubectl("patch", "sle", "export", "-p", patch, fails=True)
    status = json.dumps({"status": {"summary": "Fine"}})
    kubectl("patch", "sle", "export", "--type=merge", "--subresource=status", "-p", status)
    assert kubectl("get", "sle", "export", "-o", "jsonpath={.status.summary}") == "Fine"


def test_wait_sees_conditions_values_and_deletions(kubectl, api, exports):
    kubectl("apply", "-f", "-", stdin=text(export()))
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "A",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,  # kubectl does not believe in conditions of older generations
    }
    ok(api.patch(f"{exports}/export/status", {"status": {"conditions": [ready]}}))
    assert "condition met" in kubectl(
        "wait", "sle/export", "--for=condition=Ready", "--timeout=20s"
    )
    kubectl("wait", "sle/export", "--for=jsonpath={.spec.timeZone}=UTC", "--timeout=20s")
    assert "timed out" in kubectl(
        "wait", "sle/export", "--for=condition=Degraded", "--timeout=1s", fails=True
    )
    assert "deleted" in kubectl("delete", "sle", "export", "--timeout=20s")
    kubectl("wait", "sle/export", "--for=delete", "--timeout=20s")


def test_delete_of_a_job_takes_its_dependents(kubectl, api, namespace):
    kubectl("apply", "-f", "-", stdin=text({"apiVersion": "batch/v1", "kind": "Job", **job()}))
    uid = kubectl("get", "job", "j", "-o", "jsonpath={.metadata.uid}")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": uid, "controller": True}
    maps = f"{CORE}/{namespace}/configmaps"
    api.made(maps, {"metadata": {"name": "child", "ownerReferences": [owner]}})
    kubectl("delete", "job", "j", "--timeout=20s")
    eventually(lambda: api.get(f"{maps}/child").status_code == 404, "the dependent is gone")


def test_create_commands_of_every_day(kubectl, namespace):
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data.a}") == "b"
    kubectl("create", "secret", "generic", "s", "--from-literal=clientId=key-1")
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.clientId}") == "a2V5LTE="
    kubectl("create", "serviceaccount", "worker")
    assert len(kubectl("create", "token", "worker").split(".")) == 3
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=configmaps")
    account = f"--serviceaccount={namespace}:worker"
    kubectl("create", "rolebinding", "reader", "--role=reader", account)
    user = f"--as=system:serviceaccount:{namespace}:worker"
    assert kubectl("auth", "can-i", "list", "pods") == "yes\n"
    assert kubectl("auth", "can-i", "list", "secrets", user, fails=True) == ""
    kubectl("create", "quota", "q", "--hard=pods=50")
    kubectl("create", "deployment", "d", "--image=busybox:1", "--replicas=0")
    assert "busybox:1" in kubectl("get", "deploy", "d", "-o", "wide")
    kubectl("label", "cm", "c", "x=y")
    kubectl("annotate", "cm", "c", "x=y")
    assert kubectl("get", "cm", "-l", "x=y", "-o", "name") == "configmap/c\n"
    assert kubectl("replace", "--force", "-f", "-", stdin=text(_map())).count("replaced") == 1


def _map():
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"z": "1"}}


def test_api_resources_and_versions(kubectl):
    listed = kubectl("api-resources", "--api-group=synclog.dev", "--no-headers").split()
    assert listed == ["synclogexports", "sle", "synclog.dev/v1beta1", "true", "SyncLogExport"]
    assert "Server Version: v1." in kubectl("version")


def test_what_is_not_there(kubectl):
    complaint = kubectl("get", "sle", "nothing", fails=True)
    assert complaint == (
        'Error from server (NotFound): synclogexports.synclog.dev "nothing" not found\n'
    )
    assert "doesn't have a resource type" in kubectl("get", "nothing", fails=True)
