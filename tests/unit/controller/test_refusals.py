"""What the operator refuses besides the API server and planning."""

import pytest

from synclog.controller.refusals import refusal_of

ANY = ()
ONLY = ("console.us.code42.com", "*.crashplan.com")
AZURE = {"account": "acme", "container": "logs"}
SAS = {"secretName": "s", "sasTokenKey": "t"}


def source(url="https://console.us.code42.com", token_url=None, **more):
    client = {"secretName": "s"} | ({"tokenUrl": token_url} if token_url else {})
    return {"url": url, "auth": {"apiClient": client}} | more


def test_a_plain_resource_is_served(make):
    assert refusal_of(make.export(), ANY) is None
    assert refusal_of(make.export(), ONLY) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"source": source("https://console.us.code42.com:8443/x")},
        {"source": source("https://a.b.crashplan.com")},
        {"source": source(token_url="https://eu.crashplan.com/oauth")},
        {
            "destination": {
                "azureBlob": AZURE | {"credentials": {"secretName": "s", "accountKeyKey": "k"}}
            }
        },
        {"podTemplate": {"env": [{"name": "TZ", "valueFrom": {"configMapKeyRef": {}}}]}},
    ],
)
def test_allowed_hosts_are_served(make, spec):
    assert refusal_of(make.export(**spec), ONLY) is None
    assert refusal_of(make.export(**spec), tuple(host.upper() for host in ONLY)) is None


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"source": source("https://evil.example.com")}, "source.url"),
        ({"source": source("https://console.us.code42.com.evil.com")}, "source.url"),
        ({"source": source("https://crashplan.com")}, "source.url"),
        ({"source": source("https://xcrashplan.com")}, "source.url"),
        # Python's host ends at the slash only; that of the storage library at the backslash.
        ({"source": source(r"https://evil.example.com\.crashplan.com")}, "source.url"),
        ({"source": source("https://[evil.crashplan.com")}, "source.url"),
        ({"source": source("https://evil.example.com\uff0f.crashplan.com")}, "source.url"),
        (
            {
                "destination": {
                    "s3": {"bucket": "abc", "endpoint": r"https://evil.example.com\.crashplan.com"}
                }
            },
            "destination.s3.endpoint",
        ),
        ({"source": source(token_url="https://evil.example.com/t")}, "apiClient.tokenUrl"),
        ({"source": source(proxy="http://evil.example.com:3128")}, "source.proxy"),
        ({"podTemplate": {"env": [{"name": "HTTPS_PROXY", "value": "x"}]}}, "podTemplate.env"),
        ({"podTemplate": {"env": [{"name": "AWS_ENDPOINT_URL", "value": "x"}]}}, "podTemplate.env"),
        ({"podTemplate": {"env": [{"name": "PYTHONPATH", "value": "x"}]}}, "podTemplate.env"),
        ({"podTemplate": {"env": [{"name": "LD_PRELOAD", "value": "x"}]}}, "podTemplate.env"),
        ({"podTemplate": {"env": [{"name": "PATH", "value": "x"}]}}, "podTemplate.env"),
        # Names are looked up in this domain first.
        ({"podTemplate": {"env": [{"name": "LOCALDOMAIN", "value": "x"}]}}, "podTemplate.env"),
        # Storage libraries read the names of theirs in any case.
        ({"podTemplate": {"env": [{"name": "aws_endpoint_url", "value": "x"}]}}, "podTemplate.env"),
        ({"podTemplate": {"env": [{"name": "SSL_CERT_FILE", "value": "x"}]}}, "podTemplate.env"),
        ({"podTemplate": {"env": [{"name": "SSLKEYLOGFILE", "value": "x"}]}}, "podTemplate.env"),
        (
            {"podTemplate": {"env": [{"name": "AWS_REGION", "valueFrom": {"secretKeyRef": {}}}]}},
            "podTemplate.env",
        ),
        (
            {"destination": {"azureBlob": AZURE | {"credentials": SAS}}},
            "destination.azureBlob.account",
        ),
        # With it the library takes its host from another variable.
        (
            {"podTemplate": {"env": [{"name": "AZURE_STORAGE_USE_EMULATOR", "value": "true"}]}},
            "podTemplate.env",
        ),
        (
            {"destination": {"s3": {"bucket": "abc", "endpoint": "https://evil.example.com"}}},
            "destination.s3.endpoint",
        ),
    ],
)
def test_whatever_could_send_credentials_elsewhere_is_refused(make, spec, field):
    reason, message = refusal_of(make.export(**spec), ONLY)
    assert reason == "SourceHostNotAllowed"
    assert field in message
    assert refusal_of(make.export(**spec), ANY) is None


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ({"labels": {"synclog.dev/export-uid": "x"}}, "synclog.dev/export-uid"),
        ({"labels": {"batch.kubernetes.io/job-name": "x"}}, "batch.kubernetes.io"),
        ({"annotations": {"sub.synclog.dev/run": "x"}}, "sub.synclog.dev"),
        ({"env": [{"name": "SYNCLOG_RUN_SPEC", "value": "x"}]}, "SYNCLOG_RUN_SPEC"),
        ({"env": [{"name": "JOB_COMPLETION_INDEX", "value": "1"}]}, "JOB_COMPLETION_INDEX"),
        ({"env": [{"value": "1"}]}, "write name and value"),
    ],
)
def test_what_the_operator_owns_in_a_pod_is_refused(make, template, what):
    reason, message = refusal_of(make.export(podTemplate=template), ANY)
    assert reason == "InvalidSpec"
    assert what in message


def test_other_labels_and_variables_are_the_users(make):
    template = {
        "labels": {"app.kubernetes.io/part-of": "audit", "mysynclog.dev/x": "y"},
        "env": [{"name": "TZ", "value": "UTC"}],
    }
    assert refusal_of(make.export(podTemplate=template), ANY) is None
