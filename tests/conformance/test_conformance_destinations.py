"""Where files may go, as whoever applies a resource is told; and the samples of deploy/."""

from pathlib import Path

import pytest
import yaml

from support.kube import CORE, EXPORTS, ok, refused

SAMPLES = sorted((Path(__file__).parents[2] / "deploy/samples").glob("*.yaml"))
PATHS = {"Secret": CORE, "ServiceAccount": CORE, "PersistentVolumeClaim": CORE}


@pytest.fixture
def exports(crd, namespace):
    return f"{EXPORTS}/{namespace}/synclogexports"


def export(**destination):
    return {
        "apiVersion": "synclog.dev/v1beta1",
        "kind": "SyncLogExport",
        "metadata": {"generateName": "export-"},
        "spec": {
            "source": {
                "url": "https://console.us.code42.com",
                "auth": {"apiClient": {"secretName": "s"}},
            },
            "range": {"rolling": {}},
            "destination": destination,
        },
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_taken_strictly_and_without_a_warning(api, exports, namespace, sample):
    for document in yaml.safe_load_all(sample.read_text()):
        plural = f"{document['kind'].lower()}s"
        folder = f"{PATHS.get(document['kind'], EXPORTS)}/{namespace}/{plural}"
        answer = api.post(folder, document, fieldValidation="Strict")
        assert ok(answer, 201)["kind"] == document["kind"]
        assert "Warning" not in answer.headers


def test_each_kind_of_destination_has_a_sample():
    kinds = [
        *(
            kind
            for path in SAMPLES
            for document in yaml.safe_load_all(path.read_text())
            for kind in document.get("spec", {}).get("destination", ())
        )
    ]
    assert {"persistentVolumeClaim", "s3", "gcs", "azureBlob"} == set(kinds)


S3 = {"bucket": "archive"}
GCS = {"bucket": "archive"}
AZURE = {"account": "acme", "container": "archive"}
FOLDERS = "write folders such as synclog/prod"


@pytest.mark.parametrize(
    "prefix", ["a b", "größe", "/a", "a/", "a//b", "a/../b", ".a", "a%20b", "a?"]
)
@pytest.mark.parametrize(
    ("kind", "fields"), [("s3", S3), ("gcs", GCS), ("azureBlob", AZURE)], ids=str
)
def test_an_odd_prefix_is_refused_with_what_to_write(api, exports, kind, fields, prefix):
    answer = api.post(exports, export(**{kind: fields | {"prefix": prefix}}))
    assert FOLDERS in refused(answer, 422, "Invalid")


NAMES = "write the bucket's name alone"
URL = "write a URL such as https://minio.example.com:9000"
ADDRESS = "an address has no sub-domain for the bucket"
IN_HOST = {**S3, "forcePathStyle": False}


@pytest.mark.parametrize(
    ("destination", "sentence"),
    [
        ({"s3": {"bucket": "Archive"}}, NAMES),
        ({"s3": {"bucket": "s3://archive"}}, NAMES),
        ({"s3": {"bucket": "archive/prod"}}, NAMES),
        ({"s3": {"bucket": "a" * 64}}, "may not be more than 63"),
        ({"s3": {"bucket": "archive--euc1-az1--x-s3"}}, "name a general purpose bucket"),
        ({"gcs": {"bucket": "gs://archive"}}, NAMES),
        ({"azureBlob": {**AZURE, "account": "acme.blob"}}, "write the storage account's name"),
        ({"azureBlob": {**AZURE, "container": "a--b"}}, "write the container's name"),
        ({"s3": {**S3, "endpoint": "https://minio:9000/"}}, URL),
        ({"s3": {**S3, "endpoint": "minio:9000"}}, URL),
        ({"s3": {**S3, "endpoint": "https://key:secret@minio"}}, URL),
        ({"s3": {**S3, "endpoint": "https://minio?x=1"}}, URL),
        ({"s3": {**S3, "endpoint": "http://minio:9000"}}, "allowHttp: true"),
        ({"s3": {**IN_HOST, "endpoint": "https://10.0.0.1:9000"}}, ADDRESS),
        ({"s3": {**IN_HOST, "endpoint": "https://[fd00::1]"}}, ADDRESS),
        (
            {"s3": {**S3, "endpoint": "https://archive.s3.eu-central-1.amazonaws.com"}},
            "write the endpoint without the bucket",
        ),
        ({"s3": {**S3, "region": "evil.example/x"}}, "write the region's name"),
        ({"s3": {**S3, "storageClass": "GLACIER"}}, "cannot be read at once"),
        ({"s3": S3, "gcs": GCS}, "set exactly one of"),
        ({}, "set exactly one of"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(api, exports, destination, sentence):
    assert sentence in refused(api.post(exports, export(**destination)), 422, "Invalid")


@pytest.mark.parametrize(
    "destination",
    [
        {"s3": {"bucket": "acme.log.archive-2026", "prefix": "a=1/B_c.d-e"}},
        {"s3": {"bucket": "a" * 63, "prefix": "/".join(["p" * 50] * 5)}},
        {"s3": {**S3, "endpoint": "https://store.example.com:9000/s3"}},
        {"s3": {**S3, "endpoint": "https://10.0.0.1:9000"}},
        {"s3": {**S3, "endpoint": "https://[fd00::1]:9000"}},
        {"s3": {**IN_HOST, "endpoint": "https://minio.example.com"}},
        {"s3": {"bucket": "minio", "endpoint": "https://minio.example.com"}},
        {"s3": {**S3, "endpoint": "https://s3.dualstack.eu-central-1.amazonaws.com"}},
        {"s3": {**S3, "endpoint": "https://bucket.vpce-1a.s3.eu-central-1.vpce.amazonaws.com"}},
        {"gcs": {"bucket": "acme_archive.example.com"}},
        {"azureBlob": {**AZURE, "endpoint": "https://acme.blob.core.chinacloudapi.cn"}},
        {"azureBlob": {**AZURE, "endpoint": "https://azurite.example.com:10000/acme"}},
    ],
)
def test_unusual_names_that_are_legal_are_taken(api, exports, destination):
    assert ok(api.post(exports, export(**destination)), 201)["spec"]["destination"].keys() == (
        destination.keys()
    )
