"""A real control plane from local binaries: etcd, kube-apiserver, kube-controller-manager.

Loopback only, free ports, RBAC on, ServiceAccount keys of its own. Nothing runs pods: the
devcluster's pod runner is the node.
"""

import contextlib
import json
import secrets
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devcluster.processes import running, wait_until

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")


@dataclass(frozen=True, slots=True)
class _Ports:
    etcd: int
    peer: int
    server: int
    manager: int


@contextlib.contextmanager
def running_in(directory: Path, assets: Path) -> Iterator[None]:
    """Run a control plane that keeps its files in a folder and writes its kubeconfig there.

    Raises:
        StartError: a program does not become ready.
    """
    plane = _Plane(directory, assets)
    plane.prepare()
    with (
        plane.etcd(),
        plane.server(),
        plane.manager(),
    ):
        yield


def _free_ports(count: int) -> Sequence[int]:
    """Ports that are free now; the programs cannot tell us which ones they picked."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class _Plane:
    def __init__(self, directory: Path, assets: Path) -> None:
        self._directory = directory.resolve()
        self._assets = assets
        self._ports = self._kept_ports()

    def _kept_ports(self) -> _Ports:
        """The ports of the last start, so that clients find a restarted server."""
        file = self._directory / "ports.json"
        if not file.exists():
            file.write_text(json.dumps(_free_ports(4)), encoding="utf-8")
        return _Ports(*json.loads(file.read_text(encoding="utf-8")))

    def _file(self, name: str) -> str:
        return str(self._directory / name)

    def prepare(self) -> None:
        """Make certificates, keys, tokens and kubeconfigs, once."""
        if (self._directory / "tokens.csv").exists():
            return
        authority = trustme.CA()
        names = ("127.0.0.1", "localhost", "kubernetes.default.svc")
        leaf = authority.issue_cert(*names)
        authority.cert_pem.write_to_path(self._file("ca.crt"))
        self._secret("tls.key", leaf.private_key_pem.bytes())
        (self._directory / "tls.crt").write_bytes(b"".join(p.bytes() for p in leaf.cert_chain_pems))
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._secret(
            "accounts.key",
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )
        (self._directory / "accounts.pub").write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        admin, manager = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        lines = (
            f"{admin},admin,admin,system:masters\n"
            f"{manager},system:kube-controller-manager,manager,system:masters\n"
        )
        self._kubeconfig("kubeconfig", admin)
        self._kubeconfig("manager.kubeconfig", manager)
        self._secret("tokens.csv", lines.encode())

    def _secret(self, name: str, content: bytes) -> None:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)

    def _kubeconfig(self, name: str, token: str) -> None:
        cluster = {"server": self._url, "certificate-authority": self._file("ca.crt")}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "envtest", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "envtest", "context": {"cluster": "envtest", "user": "user"}}],
            "current-context": "envtest",
        }
        self._secret(name, yaml.safe_dump(document).encode())

    @property
    def _url(self) -> str:
        return f"https://127.0.0.1:{self._ports.server}"

    @contextlib.contextmanager
    def _run(self, program: str, *arguments: str, path: str, url: str) -> Iterator[None]:
        log = self._directory / f"{program}.log"
        with running([str(self._assets / program), *arguments], log) as process:
            wait_until(lambda: self._answers(url, path), process, log, seconds=120)
            yield

    def _answers(self, url: str, path: str) -> bool:
        token = (self._directory / "tokens.csv").read_text(encoding="utf-8").partition(",")[0]
        request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
        context = ssl.create_default_context(cafile=self._file("ca.crt"))
        if url != self._url:
            # The controller manager signs its own certificate; only its health is asked.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @contextlib.contextmanager
    def etcd(self) -> Iterator[None]:
        """The store."""
        client = f"http://127.0.0.1:{self._ports.etcd}"
        peer = f"http://127.0.0.1:{self._ports.peer}"
        arguments = (
            f"--data-dir={self._file('etcd')}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )
        with self._run("etcd", *arguments, path="/health", url=client):
            yield

    @contextlib.contextmanager
    def server(self) -> Iterator[None]:
        """The API server."""
        arguments = (
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._ports.server}",
            "--endpoint-reconciler-type=none",
            f"--etcd-servers=http://127.0.0.1:{self._ports.etcd}",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--tls-cert-file={self._file('tls.crt')}",
            f"--tls-private-key-file={self._file('tls.key')}",
            f"--token-auth-file={self._file('tokens.csv')}",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-signing-key-file={self._file('accounts.key')}",
            f"--service-account-key-file={self._file('accounts.pub')}",
        )
        with self._run("kube-apiserver", *arguments, path="/readyz", url=self._url):
            yield

    @contextlib.contextmanager
    def manager(self) -> Iterator[None]:
        """The controller manager, ready when the default namespace has its ServiceAccount."""
        config = self._file("manager.kubeconfig")
        arguments = (
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports.manager}",
            f"--cert-dir={self._file('manager-certificates')}",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--use-service-account-credentials=false",
            "--leader-elect=false",
            f"--service-account-private-key-file={self._file('accounts.key')}",
            f"--root-ca-file={self._file('ca.crt')}",
        )
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        with self._run("kube-controller-manager", *arguments, path=account, url=self._url):
            yield
