"""No secret of a destination stands in anything that a person or a program can look at."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from support import azurite, servers
from support.leaks import echo, leaks, secrets_of
from support.processes import descendants
from support.stores import Proxy, serving
from synclog.api import names
from synclog.exporter.destination import destination_of

SHOWN = ("jobs", "pods", "events", "configmaps", "serviceaccounts", names.PLURAL)
REFUSED = "refused"
S3_KEY = {
    "accessKeyId": "AKIARECOGNISABLE1",
    "secretAccessKey": "s3/secret+of=the/key&more",
    "sessionToken": "session/token+of=the/key==",
}


class Watching(Proxy):
    """Looks at the processes of this test whenever a store is asked: then exporters run."""

    def __init__(self, target):
        super().__init__(target)
        self.processes = set()

    def answer(self, request):
        for pid in descendants(os.getpid()):
            process = Path(f"/proc/{pid}")
            try:
                arguments = (process / "cmdline").read_bytes().decode(errors="replace")
                environ = (process / "environ").read_bytes().decode(errors="replace")
            except OSError:  # it ended
                continue
            self.processes.add(arguments)
            if "SYNCLOG_RUN_SPEC=" in environ:
                self.processes.add(environ)
        return super().answer(request)


@contextmanager
def s3():
    with servers.s3_server() as server:
        yield servers.s3(server.url, "archive", "us-east-1", S3_KEY)


@contextmanager
def azure_by_token(folder):
    with servers.azure_server(folder) as server:
        secret = {"sasToken": azurite.sas("archive", "rcl")}
        yield servers.azure(server.url, azurite.ACCOUNT, "archive", secret)


@pytest.fixture
def server(request, tmp_path):
    opened = {
        "s3": s3,
        "gcs": servers.gcs_server,
        "azure key": lambda: servers.azure_server(tmp_path),
        "azure token": lambda: azure_by_token(tmp_path),
    }[request.param]
    with opened() as server:
        yield server


def everything(world):
    """All that cluster and operator show of the namespace, but for its Secrets."""
    for kind in SHOWN:
        yield json.dumps(world.api.list(kind, world.namespace))
    pods = world.pods()
    assert pods != []
    for pod in pods:
        yield world.api.log(world.namespace, pod["metadata"]["name"])
    for operator in world.operators:
        yield operator.log.read_text()
    yield httpx.get(f"{operator.url}/metrics", trust_env=False).text


@pytest.mark.parametrize("server", ["s3", "gcs", "azure key", "azure token"], indirect=True)
def test_no_output_holds_a_secret(world, server, eventually, tmp_path):
    world.replica("--log-level=debug")
    secret = {"metadata": {"name": "s"}, "stringData": dict(server.secret)}
    world.api.create("secrets", world.namespace, secret)
    with serving(Watching(server.url)) as proxy:
        for method in ("PUT", "GET", "HEAD"):
            proxy.fault(echo(403, "SignatureDoesNotMatch"), method=method, path=REFUSED, times=999)

        def export(name):
            spec = server.spec(f"{proxy.url}{server.path}", name)
            world.create(name, destination=msgspec.to_builtins(spec))
            return spec

        export(REFUSED)
        kept = export("kept")
        world.complete(name="kept")
        eventually(
            lambda: world.condition("Ready", REFUSED)["reason"] == "CredentialsRefused",
            "the condition names the reason",
        )
        shown = [*proxy.processes, *everything(world)]
        for told in ("SYNCLOG_RUN_SPEC=", "CredentialsRefused", '"level": "debug"'):
            assert any(told in each for each in shown), told
        archive = destination_of(kept, auth=server.mount(tmp_path), ca_file=None)
        files = list(archive.files())
        assert len(files) > 5
        shown += [f"{file.path}\n{archive.read(file.path)!r}" for file in files]
    assert leaks("\n".join(shown), secrets_of(server.secret)) == []
