"""The smallest rights that docs/destinations.md names are enough, and each of them is needed."""

import itertools
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support import azurite, servers
from support.contract import DestinationContract
from support.stores import call, moto
from synclog.exporter.destination import destination_of
from synclog.exporter.errors import AuthorisationError

DOCS = (Path(__file__).parents[2] / "docs/destinations.md").read_text()
BUCKET, PREFIX = "acme-synclog", "provisioning"
_numbers = itertools.count()


class Accounts:
    """A moto server that looks at the policies of its users, though not at conditions in them."""

    def __init__(self, url):
        self.url = url
        assert call(url, "PUT", f"/{BUCKET}").status == 200

    def store(self, policy):
        """The store as it is for a new user who may do what a policy says."""
        name = f"user-{next(_numbers)}"
        self._look(after="inf")
        self._iam("CreateUser", UserName=name)
        self._iam("PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = self._iam("CreateAccessKey", UserName=name)
        self._look(after="0")
        fields = {"accessKeyId": "AccessKeyId", "secretAccessKey": "SecretAccessKey"}
        secret = {mine: re.search(f"<{its}>(.+?)<", key)[1] for mine, its in fields.items()}
        return servers.s3(self.url, BUCKET, "us-east-1", secret)

    def _look(self, *, after):
        """Look at policies after so many requests."""
        assert call(self.url, "POST", "/moto-api/reset-auth", body=after.encode()).status == 200

    def _iam(self, action, **fields):
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/iam/aws4_request",
        }
        body = urlencode({"Action": action, "Version": "2010-05-08", **fields}).encode()
        answer = call(self.url, "POST", "/", headers, body)
        assert answer.status == 200, answer.body
        return answer.body.decode()


@pytest.fixture(scope="module")
def accounts():
    with moto() as url:
        yield Accounts(url)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with azurite.azurite(tmp_path_factory.mktemp("azurite"), BUCKET) as url:
        yield url


def policy(*, without=""):
    """The policy of the docs."""
    (text,) = re.findall(r"```json\n(\{\s+\"Version\".*?)```", DOCS, re.DOTALL)
    found = json.loads(text)
    kept = [each for each in found["Statement"] if each["Action"] != without]
    assert len(kept) == 3 - bool(without)
    return found | {"Statement": kept}


def permissions(*, without=""):
    """The permissions of the docs' SAS token."""
    (found,) = re.findall(r"A SAS token of the container with `sp=([a-z]+)`", DOCS)
    assert not without or without in found
    return found.replace(without, "")


@pytest.fixture
def store(request, tmp_path):
    """Opens a store, in a prefix of its own, with the docs' rights but for one."""

    def opened(kind, without=""):
        if kind == "s3":
            accounts = request.getfixturevalue("accounts")
            server = accounts.store(policy(without=without))
        else:
            token = azurite.sas(BUCKET, permissions(without=without))
            url = request.getfixturevalue("emulator")
            server = servers.azure(url, azurite.ACCOUNT, BUCKET, {"sasToken": token})
        spec = server.spec(server.url, f"{PREFIX}/{next(_numbers)}")
        return destination_of(spec, auth=server.mount(tmp_path), ca_file=None)

    return opened


class TestContract(DestinationContract):
    @pytest.fixture(params=["s3", "azure"])
    def destination(self, request, store):
        return store(request.param)

    def test_the_probe_passes(self, destination):
        for _ in range(2):
            destination.probe()

    def test_a_creation_is_repeated(self, destination):
        for _ in range(2):
            assert destination.create("entry", b"mine") is True


@pytest.mark.parametrize(
    ("kind", "right", "doing"),
    [
        ("s3", "s3:PutObject", "creating"),
        ("s3", "s3:GetObject", "creating|reading"),
        ("s3", "s3:ListBucket", "listing"),
        ("azure", "c", "creating"),
        ("azure", "r", "creating|reading"),
        ("azure", "l", "listing"),
    ],
)
def test_without_one_of_them_no_ledger_begins(store, kind, right, doing):
    with pytest.raises(AuthorisationError, match=rf"({doing}) objects is denied .*: grant "):
        store(kind, right).probe()
