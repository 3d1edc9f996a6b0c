"""Bearer tokens: one for the administrator, signed ones for ServiceAccounts."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from devcluster.apiserver.errors import unauthorized
from devcluster.apiserver.storage.store import Key, Store

ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class User:
    """Who sent a request."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """The user as reviews show it."""
        shown: dict[str, Any] = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            shown["uid"] = self.uid
        if self.extra:
            shown["extra"] = {key: list(values) for key, values in self.extra.items()}
        return shown


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
ADMIN = User("admin", ("system:masters", "system:authenticated"), "admin")


def service_account_user(namespace: str, name: str, uid: str = "", **extra: str) -> User:
    """The user that a ServiceAccount's token stands for."""
    return User(
        f"system:serviceaccount:{namespace}:{name}",
        (
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
            "system:authenticated",
        ),
        uid,
        {f"authentication.kubernetes.io/{k.replace('_', '-')}": [v] for k, v in extra.items()},
    )


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of the server: the administrator's token, the key that signs the others."""

    admin_token: str = field(repr=False)
    signing_key: bytes = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "Keys":
        """Read them, or make and keep new ones, so that tokens survive a restart."""
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"{secrets.token_urlsafe(32)}\n{secrets.token_hex(32)}\n")
        token, key = path.read_text().split()
        return cls(token, bytes.fromhex(key))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Issues and reads tokens."""

    def __init__(self, keys: Keys, store: Store) -> None:
        self._keys = keys
        self._store = store

    def _signature(self, text: str) -> str:
        return _base64(hmac.digest(self._keys.signing_key, text.encode(), hashlib.sha256))

    def issue(
        self, account: Mapping[str, Any], audiences: Sequence[str], seconds: int
    ) -> tuple[str, int]:
        """A token for a ServiceAccount, and when it expires in Unix seconds."""
        meta = account["metadata"]
        issued = int(time.time())
        claims = {
            "aud": list(audiences),
            "exp": issued + seconds,
            "iat": issued,
            "nbf": issued,
            "iss": ISSUER,
            "jti": secrets.token_hex(16),
            "kubernetes.io": {
                "namespace": meta["namespace"],
                "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
            },
            "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
        }
        header = _base64(msgspec.json.encode({"alg": "HS256", "typ": "JWT"}))
        body = f"{header}.{_base64(msgspec.json.encode(claims))}"
        return f"{body}.{self._signature(body)}", issued + seconds

    def user(self, token: str, audience: str = ISSUER) -> User:
        """The user of a token.

        Raises:
            ApiError: 401, the token is not known, expired, or its account is gone.
        """
        if hmac.compare_digest(token.encode(), self._keys.admin_token.encode()):
            return ADMIN
        body, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            raise unauthorized()
        claims = msgspec.json.decode(_decoded(body.split(".")[1]))
        account = claims["kubernetes.io"]["serviceaccount"]
        namespace = claims["kubernetes.io"]["namespace"]
        stored = self._store.get(Key("serviceaccounts", namespace, account["name"]))
        alive = stored is not None and stored["metadata"]["uid"] == account["uid"]
        if not alive or claims["exp"] <= time.time() or audience not in claims["aud"]:
            raise unauthorized()
        return service_account_user(
            namespace, account["name"], account["uid"], credential_id=f"JTI={claims['jti']}"
        )
