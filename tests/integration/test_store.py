"""A SyncLogExport into an object store: no claim, the Secret as files, the same promises."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from devcluster.code42.truth import from_json_lines
from support.gcs import fake_gcs
from synclog.windows import Window, parse_time

KEY = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}


@pytest.fixture
def store(world):
    secret = {"metadata": {"name": "archive-key"}, "stringData": {"key.json": json.dumps(KEY)}}
    world.api.create("secrets", world.namespace, secret)
    with fake_gcs("archive") as url:
        yield url


def test_a_backlog_goes_into_a_store_once(world, store):
    world.operator().leads()
    gcs = {"bucket": "archive", "prefix": "sync/prod", "endpoint": store, "allowHttp": True}
    world.create(destination={"gcs": gcs | {"credentials": {"secretName": "archive-key"}}})
    status = world.complete()
    assert status["destination"] == "gs://archive/sync/prod"
    assert [pod for pod in world.pods() if "affinity" in pod["spec"]] == []

    def asked(*command):
        environ = {
            "GOOGLE_BASE_URL": store,
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(KEY),
            "GOOGLE_ALLOW_HTTP": "true",
        }
        done = subprocess.run(
            [sys.executable, "-m", "synclog.cli.export", *command, "--destination", url],
            env={**os.environ, **environ},
            capture_output=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    url = status["destination"]
    report = json.loads(asked("verify", "--json"))
    assert (report["verdict"], report["litter"]) == ("complete", [])
    window = Window(parse_time(report["coverageStart"]), parse_time(report["coveredUntil"]))
    events = Counter(from_json_lines(asked("cat", "--format", "jsonl")))
    assert events == world.source.truth.multiset(window)
    assert world.jobs() != []


def test_a_bucket_that_is_missing_is_told_in_the_resource(world, store, eventually):
    world.operator().leads()
    gcs = {"bucket": "missing-one", "endpoint": store, "allowHttp": True}
    world.create(destination={"gcs": gcs | {"credentials": {"secretName": "archive-key"}}})
    found = eventually(
        lambda: (ready := world.condition("Ready"))["reason"] == "BucketMissing" and ready,
        "the condition names the reason",
    )
    assert "create it, or correct spec.destination" in found["message"]
