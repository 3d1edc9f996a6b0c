"""Pods get rights from their service account: each cloud's way, as its webhook sets up a pod."""

import json
import os

import pytest
import trustme

from support.stores import Answer, Proxy, refusal, serving
from synclog.api.destination import S3, AzureBlob, Destination, Gcs
from synclog.exporter.destination import destination_of
from synclog.exporter.errors import AuthorisationError, DestinationError, ExportError

POD_TOKEN = "token-of-the-service-account"
ROLE = "arn:aws:iam::123456789012:role/synclog"
ASSUMED = (
    b"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    b"<AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
    b"<SessionToken>right-of-the-role</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>"
    b"</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
)
POD = {
    "AccessKeyId": "AKIAPOD",
    "SecretAccessKey": "s",
    "Token": "right-of-the-pod",
    "Expiration": "2100-01-01T00:00:00Z",
}
BEARER = {"token_type": "Bearer", "expires_in": 3600}


class Cloud(Proxy):
    """Gives rights to whoever shows the token of the pod, and takes every object."""

    def answer(self, request):
        self.requests.append(request)
        return next((fault(request, None) for _, _, fault in self.faults), self._give(request))

    def _give(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        shown = f"{request.path} {headers.get('authorization')} {request.body}"
        known = {
            "AssumeRoleWithWebIdentity": ASSUMED,
            "/v1/credentials": json.dumps(POD).encode(),
            "/oauth2/v2.0/token": json.dumps(BEARER | {"access_token": "azures-right"}).encode(),
        }
        for name, given in known.items():
            if name in shown:
                return Answer(200 if POD_TOKEN in shown else 403, {}, given)
        if headers.get("metadata-flavor") == "Google":
            return Answer(200, {}, json.dumps(BEARER | {"access_token": "googles-right"}).encode())
        return Answer(201, {"ETag": '"x"', "Last-Modified": "Wed, 25 Nov 2026 00:00:00 GMT"})


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture(params=["IRSA", "EKS Pod Identity", "Azure", "Google"])
def pod(request, tmp_path, monkeypatch, authority):
    """A cloud, what a pod is told of it, and what opens a store there."""
    for name in os.environ:
        # Whoever names a store of their own for the other tests says here who they are.
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    token = tmp_path / "token"
    token.write_text(POD_TOKEN)
    secure = request.param == "IRSA"  # Amazon's service for roles is only asked over TLS
    with serving(Cloud("nowhere"), authority if secure else None) as cloud:
        at = {"endpoint": cloud.url, "allow_http": not secure}
        s3 = Destination(s3=S3(bucket="archive", region="eu-central-1", **at))
        spec, right, environ = {
            "IRSA": (
                s3,
                "right-of-the-role",
                {
                    "AWS_ROLE_ARN": ROLE,
                    "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
                    "AWS_ENDPOINT_URL_STS": cloud.url,
                },
            ),
            "EKS Pod Identity": (
                s3,
                "right-of-the-pod",
                {
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{cloud.url}/v1/credentials",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
                },
            ),
            "Azure": (
                Destination(azure_blob=AzureBlob(account="acme", container="archive", **at)),
                "Bearer azures-right",
                {
                    "AZURE_CLIENT_ID": "client",
                    "AZURE_TENANT_ID": "tenant",
                    "AZURE_FEDERATED_TOKEN_FILE": str(token),
                    "AZURE_AUTHORITY_HOST": cloud.url,
                },
            ),
            "Google": (
                Destination(gcs=Gcs(bucket="archive", **at)),
                "Bearer googles-right",
                {"GCE_METADATA_HOST": cloud.url.removeprefix("http://")},
            ),
        }[request.param]
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        bundle = tmp_path / "ca.crt"
        authority.cert_pem.write_to_path(bundle)
        yield cloud, right, lambda: destination_of(spec, auth=tmp_path, ca_file=bundle)


def test_a_pod_writes_with_the_right_of_its_account(pod):
    cloud, right, opened = pod
    assert opened().create("part", b"1") is True
    assert right in cloud.requests[-1].headers.values()


def test_an_account_without_rights_is_an_error_that_repeats_no_token(pod):
    cloud, _, opened = pod
    cloud.fault(refusal(403, POD_TOKEN))
    with pytest.raises(ExportError) as caught:
        opened().create("part", b"1")
    assert POD_TOKEN not in f"{caught.value}{caught.value.__cause__}"


def asks_for_rights(request):
    return "AssumeRole" in f"{request.path}{request.body}" or "/oauth2/" in request.path


@pytest.mark.usefixtures("_patience")
@pytest.mark.parametrize("pod", ["IRSA", "Azure"], indirect=True)
@pytest.mark.parametrize(
    ("status", "said", "kind", "reason", "shown"),
    [
        (403, "<Code>AccessDenied</Code>", AuthorisationError, "IdentityRefused", "AccessDenied"),
        (400, "AADSTS700016: no such app", AuthorisationError, "IdentityRefused", "AADSTS700016"),
        (400, "<Code>ExpiredTokenException</Code>", DestinationError, "IdentityUnavailable", "Exp"),
        (400, "<Code>Throttling</Code>", DestinationError, "IdentityUnavailable", "Throttling"),
        (500, "quoted", DestinationError, "IdentityUnavailable", "500"),
    ],
)
def test_an_identity_that_is_refused_is_no_missing_right(pod, status, said, kind, reason, shown):
    """Whoever reads it must look at the role's trust, and not at what the role may do."""
    cloud, _, opened = pod

    def refuse(request, _forward):
        return Answer(status, {}, said.encode()) if asks_for_rights(request) else Answer(200)

    cloud.fault(refuse)
    with pytest.raises(kind) as caught:
        opened().create("part", b"1")
    assert caught.value.reason == reason
    assert shown in caught.value.message
    assert "service account" in caught.value.message
