"""What the pods of an export find in their file system."""

import json

import pytest

from synclog.api.run import Purpose, Slot
from synclog.controller.jobs import Claim, Exporter, job_manifest
from synclog.planning.model import CreateRun
from synclog.windows import parse_time

SECRET = {"secretName": "archive-key", "accessKeyIdKey": "id", "sessionTokenKey": "token"}


@pytest.fixture
def pod(make):
    def made(claim=Claim(), **destination):  # noqa: B008 - a frozen value
        action = CreateRun(
            purpose=Purpose.INSPECT,
            slot=Slot.MAIN,
            attempt=1,
            coverage_start=parse_time("2026-02-01T00:00:00Z"),
        )
        export = make.export(destination=destination)
        manifest = job_manifest(export, action, Exporter(image="i"), claim)
        return manifest["spec"]["template"]["spec"]

    return made


def volumes(pod):
    return {volume.pop("name"): volume for volume in pod["volumes"]}


def env(pod):
    return {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}


def test_a_store_needs_no_volume_and_no_node(pod):
    found = pod(claim=Claim(one_node=True), s3={"bucket": "archive"})
    assert "affinity" not in found
    assert set(volumes(found)) == {"spool", "auth"}
    assert "SYNCLOG_DESTINATION_DIR" not in env(found)
    assert "SYNCLOG_DESTINATION_AUTH_DIR" not in env(found)


def test_credentials_of_a_store_are_files_and_only_those_that_are_named(pod):
    found = pod(s3={"bucket": "archive", "credentials": SECRET})
    secret = volumes(found)["destination-auth"]["secret"]
    assert secret["secretName"] == "archive-key"
    assert [item["key"] for item in secret["items"]] == ["id", "secretAccessKey", "token"]
    (mount,) = (
        m for m in found["containers"][0]["volumeMounts"] if m["name"] == "destination-auth"
    )
    assert mount["readOnly"] is True
    assert env(found)["SYNCLOG_DESTINATION_AUTH_DIR"] == mount["mountPath"]


@pytest.mark.parametrize(
    ("destination", "keys"),
    [
        ({"gcs": {"bucket": "archive", "credentials": {"secretName": "k"}}}, ["key.json"]),
        (
            {
                "azureBlob": {
                    "account": "acme",
                    "container": "archive",
                    "credentials": {"secretName": "k", "sasTokenKey": "sas"},
                }
            },
            ["sas"],
        ),
    ],
)
def test_each_store_mounts_its_own_keys(pod, destination, keys):
    secret = volumes(pod(**destination))["destination-auth"]["secret"]
    assert secret["secretName"] == "k"
    assert [item["key"] for item in secret["items"]] == keys


@pytest.mark.parametrize(
    "store",
    [
        {"s3": {"bucket": "archive"}},
        {"gcs": {"bucket": "archive"}},
        {"azureBlob": {"account": "acme", "container": "archive"}},
    ],
)
def test_the_bundle_of_a_store_is_not_that_of_the_source(pod, store):
    bundle = {"configMapName": "ours", "key": "bundle.pem"}
    found = pod(
        **{
            kind: {**fields, "endpoint": "https://minio", "caBundle": bundle}
            for kind, fields in store.items()
        }
    )
    assert volumes(found)["destination-ca"]["configMap"] == {
        "name": "ours",
        "items": [{"key": "bundle.pem", "path": "ca.crt"}],
    }
    assert env(found)["SYNCLOG_DESTINATION_CA_FILE"].endswith("/ca.crt")
    assert "SYNCLOG_CA_FILE" not in env(found)


def test_the_exporter_is_told_the_whole_destination(pod):
    told = json.loads(env(pod(s3={"bucket": "archive", "prefix": "a/b"}))["SYNCLOG_RUN_SPEC"])
    assert told["destination"] == {"s3": {"bucket": "archive", "prefix": "a/b"}}


def test_a_destination_that_names_nothing_has_no_job(pod):
    with pytest.raises(ValueError, match="set exactly one of"):
        pod()
