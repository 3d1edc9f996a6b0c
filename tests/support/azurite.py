"""Microsoft's emulator of Azure Blob Storage, where it is installed (`make azurite`)."""

import base64
import hashlib
import hmac
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support.stores import HERE, call, listening

ACCOUNT = "devstoreaccount1"
KEY = (  # published by Microsoft for its emulator
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
PROGRAM = Path(
    os.environ.get("SYNCLOG_AZURITE", f"{sys.prefix}/stores/azurite/node_modules/.bin/azurite-blob")
)


def installed() -> bool:
    """Whether there is an emulator to start."""
    return PROGRAM.exists() and shutil.which("node") is not None


@contextmanager
def azurite(folder: Path, *containers: str) -> Iterator[str]:
    """A server with containers; gives the URL of the account's blob service."""
    if not installed():
        pytest.skip("Azurite is not installed: run `make azurite`, which needs npm")
    command = [str(PROGRAM), "--blobHost", HERE, "--blobPort", "0", "--location", str(folder)]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    with listening(command, r"successfully listen(?:s|ing) (?:on|at) (http://[0-9.:]+)") as url:
        for container in containers:
            assert create(url, container) == 201
        yield f"{url}/{ACCOUNT}"


def create(url: str, container: str) -> int:
    """Create a container: the one request for which the storage library has no call."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
    signed = [
        "PUT",
        *[""] * 11,
        *(f"{name}:{value}" for name, value in sorted(headers.items())),
        f"/{ACCOUNT}/{ACCOUNT}/{container}",
        "restype:container",
    ]
    digest = hmac.digest(base64.b64decode(KEY), "\n".join(signed).encode(), hashlib.sha256)
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    headers["Content-Length"] = "0"
    path = f"/{ACCOUNT}/{container}?restype=container"
    return call(url, "PUT", path, headers).status


def sas(container: str, permissions: str, expires: str = "2100-01-01T00:00:00Z") -> str:
    """A token that opens a container for what ``permissions`` say, such as ``rcl``."""
    version = "2023-11-03"
    where = f"/blob/{ACCOUNT}/{container}"
    # Permissions, start, expiry, resource; policy, addresses, protocol; version, kind.
    signed = [permissions, "", expires, where, *[""] * 3, version, "c", *[""] * 7]
    digest = hmac.digest(base64.b64decode(KEY), "\n".join(signed).encode(), hashlib.sha256)
    fields = {"sv": version, "sr": "c", "sp": permissions, "se": expires}
    return urlencode(fields | {"sig": base64.b64encode(digest).decode()})
