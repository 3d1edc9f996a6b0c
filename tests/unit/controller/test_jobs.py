"""The Job of a run, against a golden file and rule by rule."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from synclog.api import names
from synclog.api.run import LedgerHead, Purpose, RunIdentity, RunSpec, Slot
from synclog.controller.jobs import Claim, Exporter, job_manifest, job_name
from synclog.planning.model import CreateRun
from synclog.windows import DAY, Window, parse_time

GOLDEN = Path(__file__).parent / "golden"
START = parse_time("2026-02-01T00:00:00Z")
EXPORTER = Exporter(image="registry.example.com/synclog:1.2.3")


def window_run(days=3, **fields):
    return CreateRun(
        purpose=Purpose.WINDOW,
        slot=Slot.MAIN,
        attempt=1,
        coverage_start=START,
        ledger=LedgerHead(id="L1", head=7, digest="d" * 64),
        span=Window(START, START + days * DAY),
        step=DAY,
        scheduled=START + 3 * DAY,
        rounds=("24h", "7d"),
        **fields,
    )


def inspect_run():
    return CreateRun(
        purpose=Purpose.INSPECT,
        slot=Slot.MAIN,
        attempt=1,
        coverage_start=START,
        rounds=("24h", "7d"),
        trigger="now",
    )


def pod_of(manifest):
    return manifest["spec"]["template"]["spec"]


def container_of(manifest):
    (container,) = pod_of(manifest)["containers"]
    return container


def env_of(manifest):
    return {entry["name"]: entry.get("value") for entry in container_of(manifest)["env"]}


@pytest.mark.parametrize("name", ["window", "inspect", "podtemplate"])
def test_the_manifest_is_the_golden_one(make, name):
    """Change the golden files on purpose only: every Job of every user changes with them."""
    template = {
        "labels": {"team": "audit"},
        "annotations": {"example.com/cost": "42"},
        "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "batch", "operator": "Exists"}],
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"a": 1}]}},
        "priorityClassName": "low",
        "imagePullSecrets": [{"name": "pull"}],
        "serviceAccountName": "export",
        "env": [{"name": "TZ", "value": "UTC"}],
        "securityContext": {"runAsUser": None, "supplementalGroups": [7]},
    }
    source = {
        "url": "https://console.us.code42.com",
        "auth": {"userPassword": {"secretName": "user", "totpSeedKey": "seed"}},
        "caBundle": {"configMapName": "company-ca", "key": "bundle.pem"},
    }
    made = {
        "window": (make.export(parallelism=2), window_run(), Claim()),
        "inspect": (make.export(source=source), inspect_run(), Claim(one_pod=True)),
        "podtemplate": (make.export(podTemplate=template), window_run(), Claim(one_node=True)),
    }[name]
    manifest = job_manifest(*made[:2], EXPORTER, made[2])
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert manifest == golden


@pytest.mark.parametrize("name", ["a", "prod", "a.b.c", "x" * 253, "with-a-dash-" * 10])
@pytest.mark.parametrize("attempt", [1, 99_999])
def test_names_leave_room_for_the_index_and_are_labels(name, attempt):
    action = window_run()
    action = CreateRun(**{**{f: getattr(action, f) for f in action.__slots__}, "attempt": attempt})
    made = job_name(name, "5f0c2b1e-uid", action)
    assert len(f"{made}-99999") <= 63
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", made)


def test_names_tell_apart_uid_purpose_start_and_attempt_and_nothing_else():
    def named(uid="u", days=3, start=0, attempt=1, **more):
        fields = {
            "purpose": Purpose.WINDOW,
            "slot": Slot.MAIN,
            "coverage_start": START,
            "span": Window(START + start, START + days * DAY),
            "step": DAY,
            "attempt": attempt,
        }
        return job_name("prod", uid, CreateRun(**fields | more))

    different = {
        named(),
        named(uid="v"),
        named(start=1),
        named(attempt=2),
        named(purpose=Purpose.INSPECT),
    }
    assert len(different) == 5
    assert named() == named(days=9, step=7, slot=Slot.RETRY, scheduled=5, trigger="t")


def test_the_job_says_what_it_is_and_what_to_do(make):
    manifest = job_manifest(make.export(), window_run(), EXPORTER, Claim())
    told = manifest["metadata"]["annotations"][names.ANNOTATION_RUN]
    identity = msgspec.json.decode(told, type=RunIdentity)
    assert (identity.attempt, identity.scheduled) == (1, "2026-02-04T00:00:00.000Z")
    spec = msgspec.json.decode(env_of(manifest)["SYNCLOG_RUN_SPEC"], type=RunSpec)
    assert spec.span == identity.span
    assert spec.ledger == LedgerHead(id="L1", head=7, digest="d" * 64)
    assert spec.owner.uid == "uid-prod"


@pytest.mark.parametrize(("days", "parallelism", "pods"), [(1, 4, 1), (3, 2, 2), (90, 50, 50)])
def test_one_window_an_index_and_never_more_pods_than_windows(make, days, parallelism, pods):
    manifest = job_manifest(
        make.export(parallelism=parallelism), window_run(days), EXPORTER, Claim()
    )
    assert (manifest["spec"]["completions"], manifest["spec"]["parallelism"]) == (days, pods)


def test_the_jobs_deadline_leaves_time_for_every_try_of_every_window(make):
    export = make.export(parallelism=2, runTimeout="1h", pendingTimeout="10m", backoffLimit=1)
    spec = job_manifest(export, window_run(5), EXPORTER, Claim())["spec"]
    assert spec["template"]["spec"]["activeDeadlineSeconds"] == 3600
    assert spec["activeDeadlineSeconds"] >= 3 * 2 * (3600 + 600)


def test_absurd_durations_stay_inside_what_kubernetes_can_count(make):
    export = make.export(runTimeout="999999d", backoffLimit=100)
    spec = job_manifest(export, window_run(500), EXPORTER, Claim())["spec"]
    assert spec["activeDeadlineSeconds"] == 2**31 - 1
    assert spec["template"]["spec"]["activeDeadlineSeconds"] == 2**31 - 1


def test_the_rules_for_failures_come_in_the_order_that_matters(make):
    manifest = job_manifest(make.export(), window_run(), EXPORTER, Claim())
    rules = manifest["spec"]["podFailurePolicy"]["rules"]
    assert [rule["action"] for rule in rules] == ["Ignore", "FailJob", "FailIndex"]
    assert rules[1]["onExitCodes"]["values"] == [2, 10, 11]
    assert rules[2]["onExitCodes"]["values"] == [14]


def test_only_the_keys_that_auth_names_are_mounted(make):
    auth = {"bearerToken": {"secretName": "ready", "tokenKey": "jwt"}}
    export = make.export(source={"url": "https://console.us.code42.com", "auth": auth})
    volumes = pod_of(job_manifest(export, window_run(), EXPORTER, Claim()))["volumes"]
    (secret,) = (volume["secret"] for volume in volumes if volume["name"] == "auth")
    assert secret["secretName"] == "ready"
    assert secret["items"] == [{"key": "jwt", "path": "jwt"}]


def test_a_claim_for_one_pod_gets_one_pod(make):
    manifest = job_manifest(
        make.export(parallelism=9), window_run(9), EXPORTER, Claim(one_pod=True)
    )
    assert manifest["spec"]["parallelism"] == 1
    assert "affinity" not in pod_of(manifest)


def test_the_users_variables_cannot_replace_ours(make):
    template = {"env": [{"name": "SYNCLOG_RUN_SPEC", "value": "{}"}]}
    manifest = job_manifest(make.export(podTemplate=template), window_run(), EXPORTER, Claim())
    values = [e["value"] for e in container_of(manifest)["env"] if e["name"] == "SYNCLOG_RUN_SPEC"]
    assert values[-1] != "{}", "the last of equal names wins in a container"


def test_kubernetes_does_not_expand_what_users_wrote(make):
    template = {"env": [{"name": "X", "value": "surprise"}]}
    destination = {"persistentVolumeClaim": {"claimName": "archive", "subPath": "a-$(X)-$$b"}}
    export = make.export(destination=destination, podTemplate=template)
    text = env_of(job_manifest(export, window_run(), EXPORTER, Claim()))["SYNCLOG_RUN_SPEC"]
    spec = msgspec.json.decode(text.replace("$$", "$"), type=RunSpec)
    assert spec.destination.persistent_volume_claim.sub_path == "a-$(X)-$$b"


def test_the_default_pod_is_restricted(make):
    pod = pod_of(job_manifest(make.export(), window_run(), EXPORTER, Claim()))
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_a_spec_that_is_not_understood_has_no_job(make):
    with pytest.raises(ValueError, match="spec"):
        job_manifest(make.export(spec={"source": 1}), window_run(), EXPORTER, Claim())
