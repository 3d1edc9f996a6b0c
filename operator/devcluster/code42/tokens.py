"""Credentials and tokens of the simulated source.

Every secret and every token holds the same marker, so that a test finds a leak in any output
by one search.
"""

import base64
import binascii
import hmac
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b, sha1
from typing import Literal

from devcluster.code42.behaviour import Tokens

MARKER = "simsecret"
"""In every secret and token, in some case."""

TokenKind = Literal["api_client", "user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the source knows its clients by. The password has a colon and is not ASCII."""

    client_id: str = "key-42c0ffee"
    client_secret: str = f"{MARKER}-client-4242"
    username: str = "auditor@example.com"
    password: str = f"{MARKER}:pässword 42"
    totp_seed: str = (MARKER * 4).upper()[:32]
    """Base32."""


@dataclass(slots=True)
class Token:
    """An issued token and what is left of it."""

    number: int
    kind: TokenKind
    expires: float
    """Seconds on the desk's clock."""
    requests: int = 0


class RefusedError(Exception):
    """The request's credentials or token are not accepted; the source answers 401."""


def totp(seed: str, step: int) -> str:
    """The six-digit code of a 30-second step (RFC 6238, SHA-1)."""
    mac = hmac.digest(base64.b32decode(seed), struct.pack(">Q", step), sha1)
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass
class TokenDesk:
    """Issues tokens for credentials, and checks tokens."""

    credentials: Credentials = field(default_factory=Credentials)
    seed: int = 0
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    """Seconds since the epoch, for TOTP codes."""
    _issued: dict[str, Token] = field(default_factory=dict, repr=False)
    _used_steps: set[int] = field(default_factory=set, repr=False)

    def issue_for_client(self, client_id: str, client_secret: str, policy: Tokens) -> str:
        """A token for an API client.

        Raises:
            RefusedError: id or secret is wrong.
        """
        known = self.credentials
        if not _same(client_id, known.client_id) or not _same(client_secret, known.client_secret):
            raise RefusedError("Client authentication failed")
        return self._issue("api_client", policy.api_client_seconds)

    def issue_for_user(self, username: str, password: str, code: str | None, policy: Tokens) -> str:
        """A token for a local user.

        Args:
            username: the user's name.
            password: the user's password.
            code: the TOTP code, if one was sent.
            policy: whether a code is needed, and how long the token lives.

        Raises:
            RefusedError: a credential is wrong, or the code is missing, wrong or used before.
        """
        known = self.credentials
        if not _same(username, known.username) or not _same(password, known.password):
            raise RefusedError("Username or password incorrect")
        if policy.totp != "off":
            self._check_totp(code, policy)
        return self._issue("user", policy.user_seconds)

    def _check_totp(self, code: str | None, policy: Tokens) -> None:
        if code is None:
            raise RefusedError("TIME_BASED_ONE_TIME_PASSWORD_REQUIRED")
        now = int(self.wall()) // 30
        steps = (now, now - 1, now + 1)
        step = next((s for s in steps if _same(code, totp(self.credentials.totp_seed, s))), None)
        if step is None:
            raise RefusedError("INVALID_TIME_BASED_ONE_TIME_PASSWORD")
        if policy.totp == "single_use" and step in self._used_steps:
            raise RefusedError("TIME_BASED_ONE_TIME_PASSWORD_ALREADY_USED")
        self._used_steps.add(step)

    def _issue(self, kind: TokenKind, seconds: float) -> str:
        number = len(self._issued) + 1
        unguessable = blake2b(f"{self.seed}/{number}".encode(), digest_size=12).hexdigest()
        token = f"{MARKER}-token-{number}-{unguessable}"
        self._issued[token] = Token(number, kind, self.monotonic() + seconds)
        return token

    def check(self, token: str, policy: Tokens) -> Token:
        """Accept a token for one request to the Sync Log.

        Raises:
            RefusedError: the token is unknown, expired, of a kind that is not taken, or may not
                read the Sync Log.
        """
        known = self._issued.get(token)
        if known is None:
            raise RefusedError("Invalid token")
        if self.monotonic() >= known.expires or known.requests >= (policy.requests or 1 << 62):
            raise RefusedError("Token expired")
        known.requests += 1
        if known.kind not in policy.accepts:
            raise RefusedError(f"Tokens of kind {known.kind} are not accepted here")
        if policy.permission == "no_permission":
            raise RefusedError("User does not have permission to view the Sync Log")
        if policy.permission == "no_api_in_plan":
            raise RefusedError("Your product plan does not include access to the API")
        return known

    def expire_all(self) -> None:
        """Expire every token that was issued so far."""
        for token in list(self._issued.values()):
            token.expires = self.monotonic()

    @property
    def issued(self) -> int:
        """How many tokens were issued."""
        return len(self._issued)

    def leaks(self, text: str) -> list[str]:
        """What of the secrets stands in a text: credentials, Basic headers, all that is marked."""
        known = self.credentials
        secrets = (
            known.client_secret,
            known.password,
            known.totp_seed,
            basic(known.client_id, known.client_secret),
            basic(known.username, known.password),
        )
        found = [secret for secret in secrets if secret in text]
        found.extend(_marked(text))
        return found


def _marked(text: str) -> Iterator[str]:
    lowered, at = text.lower(), -1
    while (at := lowered.find(MARKER, at + 1)) >= 0:
        yield text[at : at + 60]


def basic(user: str, password: str) -> str:
    """The credentials of an ``Authorization: Basic`` header, UTF-8."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def parse_basic(header: str) -> tuple[str, str]:
    """User and password of an ``Authorization`` header.

    Raises:
        RefusedError: the header is no Basic authentication.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise RefusedError("Basic authentication is required here")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusedError("The Basic credentials are malformed") from error
    if not colon:
        raise RefusedError("The Basic credentials are malformed")
    return user, password


def parse_bearer(header: str) -> str:
    """The token of an ``Authorization`` header.

    Raises:
        RefusedError: the header has no bearer token; Basic is refused here as everywhere but at
            the token endpoints.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefusedError("Basic authentication is not supported; use a bearer token")
    return token.strip()


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
