"""The objects that a pod's containers read: Secrets and ConfigMaps, by name."""

import base64
from typing import Protocol

from devcluster.client import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, Client, NotFoundError

Keys = dict[str, bytes]


class Lookup(Protocol):
    """What volumes and environments need to know of a namespace."""

    async def secret(self, name: str) -> Keys | None:
        """The keys of a Secret, or None where there is none."""
        ...

    async def config_map(self, name: str) -> Keys | None:
        """The keys of a ConfigMap, or None where there is none."""
        ...

    async def token(self, account: str, audience: str, seconds: int) -> str:
        """A new token of a ServiceAccount."""
        ...


class ApiLookup:
    """Asks the API server, each time anew."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def secret(self, name: str) -> Keys | None:
        try:
            item = await self._client.get(SECRETS, self._namespace, name)
        except NotFoundError:
            return None
        return {key: base64.b64decode(value) for key, value in (item.get("data") or {}).items()}

    async def config_map(self, name: str) -> Keys | None:
        try:
            item = await self._client.get(CONFIG_MAPS, self._namespace, name)
        except NotFoundError:
            return None
        keys = {key: value.encode() for key, value in (item.get("data") or {}).items()}
        binary = item.get("binaryData") or {}
        return keys | {key: base64.b64decode(value) for key, value in binary.items()}

    async def token(self, account: str, audience: str, seconds: int) -> str:
        spec = {"expirationSeconds": seconds, "audiences": [audience] if audience else []}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec,
        }
        answer = await self._client.create(
            SERVICE_ACCOUNTS, self._namespace, request, name=account, sub="token"
        )
        return str(answer["status"]["token"])
