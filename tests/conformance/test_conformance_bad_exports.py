"""What a SyncLogExport must not say, and the one refusal that tells what to write."""

import pytest

from support.kube import EXPORTS, export_with, refused

KIND = 'SyncLogExport.synclog.dev "export" is invalid: '


@pytest.fixture
def exports(api, crd, namespace):
    return f"{EXPORTS}/{namespace}/synclogexports"


BAD = {
    "no range": ("spec.range", ..., "spec.range: Required value"),
    "two kinds of range": (
        "spec.range.between",
        {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
        "spec.range: Invalid value: set exactly one of rolling, between and last",
    ),
    "an empty range": (
        "spec.range",
        {},
        "spec.range: Invalid value: set exactly one of rolling, between and last",
    ),
    "a key that no Secret can have": (
        "spec.source.auth.apiClient.clientIdKey",
        "..id",
        (
            'spec.source.auth.apiClient.clientIdKey: Invalid value: "..id": write a key of the '
            "Secret's data: letters, digits, '-', '_' and '.', not '..' at the begin"
        ),
    ),
    "a look-back over nothing": (
        "spec.range",
        {"last": {"duration": "0d"}},
        ('spec.range.last.duration: Invalid value: "0d": write how far to look back, such as 7d'),
    ),
    "an end before its start": (
        "spec.range",
        {"between": {"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}},
        "spec.range.between: Invalid value: start must be before end: swap them or move the end",
    ),
    "no time": (
        "spec.range.rolling.from",
        "yesterday",
        (
            'spec.range.rolling.from: Invalid value: "yesterday": '
            "write a time with its zone, such as 2026-01-31T00:00:00Z"
        ),
    ),
    "no auth": (
        "spec.source.auth",
        {},
        (
            "spec.source.auth: Invalid value: "
            "set exactly one of apiClient, userPassword and bearerToken"
        ),
    ),
    "no Secret": (
        "spec.source.auth.apiClient",
        {},
        "spec.source.auth.apiClient.secretName: Required value",
    ),
    "no web address": (
        "spec.source.url",
        "ftp://console.example",
        (
            'spec.source.url: Invalid value: "ftp://console.example": '
            "write a URL such as https://console.us.code42.com, without user, query or #"
        ),
    ),
    "a web address that some read as another host's": (
        "spec.source.url",
        "https://evil.example\\.code42.com",
        (
            'spec.source.url: Invalid value: "https://evil.example\\\\.code42.com": '
            "write a URL such as https://console.us.code42.com, without user, query or #"
        ),
    ),
    "an unknown format": (
        "spec.source.format",
        "XML",
        'spec.source.format: Unsupported value: "XML": supported values: "CSV", "JSON"',
    ),
    "no duration": (
        "spec.runTimeout",
        "5 minutes",
        (
            'spec.runTimeout: Invalid value: "5 minutes": '
            "write a whole number and one unit, such as 30s, 15m, 24h or 90d"
        ),
    ),
    "too little parallelism": (
        "spec.parallelism",
        0,
        (
            "spec.parallelism: Invalid value: 0: "
            "spec.parallelism in body should be greater than or equal to 1"
        ),
    ),
    "words for a number": (
        "spec.parallelism",
        "two",
        (
            'spec.parallelism: Invalid value: "string": '
            'spec.parallelism in body must be of type integer: "string"'
        ),
    ),
    "words for a boolean": (
        "spec.suspend",
        "yes",
        (
            'spec.suspend: Invalid value: "string": '
            'spec.suspend in body must be of type boolean: "string"'
        ),
    ),
    "a trigger that is too long": (
        "spec.trigger",
        "x" * 129,
        "spec.trigger: Too long: may not be more than 128 bytes",
    ),
    "an empty destination": (
        "spec.destination",
        {},
        "spec.destination: Invalid value: set ",
    ),
    "two destinations": (
        "spec.destination",
        {"persistentVolumeClaim": {"claimName": "c"}, "s3": {"bucket": "archive"}},
        "spec.destination: Invalid value: set exactly one of persistentVolumeClaim, s3, gcs and",
    ),
    "an endpoint that is not encrypted": (
        "spec.destination",
        {"s3": {"bucket": "archive", "endpoint": "http://minio:9000"}},
        "spec.destination.s3: Invalid value: the endpoint is not encrypted: write https://",
    ),
    "a bucket's URL for its name": (
        "spec.destination",
        {"gcs": {"bucket": "gs://archive"}},
        'spec.destination.gcs.bucket: Invalid value: "gs://archive": write the bucket',
    ),
    "a prefix that climbs": (
        "spec.destination",
        {"azureBlob": {"account": "acme", "container": "archive", "prefix": "../other"}},
        'spec.destination.azureBlob.prefix: Invalid value: "../other": write folders such as',
    ),
    "two kinds of Azure credentials": (
        "spec.destination",
        {
            "azureBlob": {
                "account": "acme",
                "container": "archive",
                "credentials": {"secretName": "k", "accountKeyKey": "a", "sasTokenKey": "b"},
            }
        },
        "spec.destination.azureBlob.credentials: Invalid value: set exactly one of accountKeyKey",
    ),
    "a storage class that nothing can be read from": (
        "spec.destination",
        {"s3": {"bucket": "archive", "storageClass": "DEEP_ARCHIVE"}},
        "spec.destination.s3: Invalid value: objects of this class cannot be read at once",
    ),
    "a storage class that is none": (
        "spec.destination",
        {"gcs": {"bucket": "archive", "storageClass": "near-line"}},
        'spec.destination.gcs.storageClass: Invalid value: "near-line": write the class',
    ),
    "an access tier that nothing can be read from": (
        "spec.destination",
        {"azureBlob": {"account": "acme", "container": "archive", "accessTier": "Archive"}},
        'spec.destination.azureBlob.accessTier: Unsupported value: "Archive"',
    ),
    "a tag with a comma": (
        "spec.destination",
        {"s3": {"bucket": "archive", "tags": {"team": "a,b"}}},
        'spec.destination.s3.tags[team]: Invalid value: "a,b": a tag\'s value has letters',
    ),
    "a tag without a name": (
        "spec.destination",
        {"azureBlob": {"account": "acme", "container": "archive", "tags": {"": "b"}}},
        "spec.destination.azureBlob.tags: Invalid value: a tag's name has 1 to 128 characters",
    ),
    "authorities for Google's own endpoint": (
        "spec.destination",
        {"gcs": {"bucket": "archive", "caBundle": {"configMapName": "ours"}}},
        "spec.destination.gcs: Invalid value: caBundle belongs to an endpoint of your own",
    ),
    "too many tolerations": (
        "spec.podTemplate",
        {"tolerations": [{}] * 33},
        "spec.podTemplate.tolerations: Too many: 33: must have at most 32 items",
    ),
    "a name that is none": (
        "spec.destination.persistentVolumeClaim.claimName",
        "Not_A_Name",
        (
            'spec.destination.persistentVolumeClaim.claimName: Invalid value: "Not_A_Name": '
            "write the object's name: lower-case letters, digits, '-' and '.'"
        ),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_export_gets_one_clear_refusal(api, exports, case):
    path, value, text = BAD[case]
    message = refused(api.post(exports, export_with(path, value)), 422, "Invalid")
    own = message.removeprefix(KIND).removeprefix("[").partition(", <nil>: ")[0].rstrip("]")
    assert own.startswith(text)
    assert own.count(": Invalid value") <= 1


def test_a_broken_schema_leaves_the_rules_unchecked_and_says_so(api, exports):
    message = refused(api.post(exports, export_with("spec.range", ...)), 422, "Invalid")
    assert "some validation rules were not checked because the object was invalid" in message
