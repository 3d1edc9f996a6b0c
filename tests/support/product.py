"""The operator as a process, and the API server as the administrator of a test sees it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest

from devcluster import install
from devcluster.client import load_kubeconfig
from support import wallclock
from synclog.api import names

T = TypeVar("T")
Document = dict[str, Any]

PATIENCE = 300.0
"""Seconds after which something that should have happened long ago fails the test."""


def eventually(
    look: Callable[[], T | None],
    what: str,
    seconds: float = PATIENCE,
    *,
    tell: Callable[[], object] = str,
) -> T:
    """Poll until a look finds something; fails the test with ``what`` where it never does.

    Args:
        look: returns something true when it is there.
        what: is to be found.
        seconds: how long to look.
        tell: is asked, at the end, how things stand.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"after {seconds:.0f} s still not: {what}\n{tell()}")


class Api:
    """The API server as its administrator sees it. Paths are short: ``jobs``, ``pods``, …"""

    GROUPS: ClassVar = {
        "jobs": "/apis/batch/v1",
        names.PLURAL: f"/apis/{names.API_VERSION}",
        "leases": "/apis/coordination.k8s.io/v1",
        "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    }

    def __init__(self, kubeconfig: Path) -> None:
        connection = load_kubeconfig(kubeconfig)
        self.http = httpx.Client(
            base_url=connection.server,
            headers=dict(connection.headers),
            verify=connection.tls,
            timeout=30,
            trust_env=False,
        )

    def _path(self, kind: str, namespace: str, name: str = "", sub: str = "") -> str:
        root = self.GROUPS.get(kind, "/api/v1")
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{kind}" + "".join(f"/{part}" for part in (name, sub) if part)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask; again while the server is busy.

        A real one is so for seconds after a CRD was applied: "storage is (re)initializing".
        """
        deadline = time.monotonic() + PATIENCE
        while (answer := self.http.request(method, path, **options)).status_code == 429:
            assert time.monotonic() < deadline, answer.text
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        return answer

    def _checked(self, answer: httpx.Response) -> Document:
        assert answer.status_code < 300, f"{answer.request.url}: {answer.text}"
        return answer.json()

    def get(self, kind: str, namespace: str, name: str) -> Document | None:
        answer = self.send("GET", self._path(kind, namespace, name))
        return None if answer.status_code == 404 else self._checked(answer)

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Document]:
        query = {"labelSelector": labels} if labels else {}
        return self._checked(self.send("GET", self._path(kind, namespace), params=query))["items"]

    def log(self, namespace: str, pod: str) -> str:
        """What a pod has said."""
        return self.send("GET", self._path("pods", namespace, pod, "log")).text

    def create(self, kind: str, namespace: str, body: Document) -> Document:
        return self._checked(self.send("POST", self._path(kind, namespace), json=body))

    def patch(
        self, kind: str, namespace: str, name: str, body: Document, sub: str = ""
    ) -> Document:
        headers = {"Content-Type": "application/merge-patch+json"}
        path = self._path(kind, namespace, name, sub)
        answer = self.send("PATCH", path, headers=headers, content=json.dumps(body))
        return self._checked(answer)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        body = {"propagationPolicy": "Background"}
        path = self._path(kind, namespace, name)
        answer = self.send("DELETE", path, json=body)
        assert answer.status_code in (200, 202, 404), answer.text


class Operator:
    """One operator process, as its own service account, on a port of its own."""

    FAST = ("--lease-duration=8s", "--renew-deadline=7s", "--retry-period=300ms", "--resync=10s")
    """Who loses the Lease ends, and there is no kubelet here to start it again: a busy machine
    must not cost it."""

    def __init__(
        self, kubeconfig: Path, folder: Path, *flags: str, clock: Path | None = None
    ) -> None:
        self.log = folder
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._offset = folder.stat().st_size if folder.exists() else 0
        module = "synclog.cli.operator"
        command = [sys.executable, "-m", module, "run"]
        if clock is not None:
            command = [sys.executable, wallclock.__file__, str(clock), module, "run"]
        command += ["--kubeconfig", str(kubeconfig), "--listen=127.0.0.1:0"]
        command += ["--image=synclog-operator:test", "--lease-namespace", install.NAMESPACE]
        command += ["--log-level=info", *self.FAST, *flags]
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with folder.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ
            )

    def lines(self) -> list[Document]:
        """What this process has logged."""
        with self.log.open("rb") as log:
            log.seek(self._offset)
            whole = log.read().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def says(self, message: str) -> Document | None:
        return next((line for line in self.lines() if line["message"] == message), None)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll()

    def leads(self) -> "Operator":
        """Wait until it acts."""
        eventually(lambda: self.says("cluster seen") or self.ended(), "the operator leads")
        return self

    def ended(self) -> None:
        if self.process.poll() is not None:
            pytest.fail(f"the operator ended ({self.process.returncode}): {self.log.read_text()}")

    @property
    def url(self) -> str:
        line = eventually(lambda: self.says("serving metrics and health"), "it serves metrics")
        return f"http://127.0.0.1:{line['port']}"

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=60).text
        samples = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("#", ""))
        return {name: float(value) for name, _, value in samples}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
