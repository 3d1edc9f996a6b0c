"""Getting a token, and a fresh one in time.

A token is refreshed before it expires, by the clock; the transport asks for a fresh one once
more when the source answers 401, since 401 means both "expired" and "not allowed".
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from threading import Lock
from typing import Protocol, TypeVar

import msgspec

from synclog.api.source import Auth
from synclog.exporter.errors import AnswerError, AuthorisationError, ConfigurationError
from synclog.exporter.source.clock import Clock, StopSignal
from synclog.exporter.source.credentials import ApiClient, BearerToken, Credentials, UserPassword
from synclog.exporter.source.pacing import pause
from synclog.exporter.source.totp import STEP_SECONDS, totp

_API_CLIENT_SECONDS = 900.0
_USER_SECONDS = 1800.0
_EARLY = 60.0
_REMEMBERED = 64
"""Tokens that a late answer may still show."""
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to a token endpoint."""

    method: str
    url: str
    params: dict[str, str]
    headers: dict[str, str]


class TokenSender(Protocol):
    """Sends requests to a token endpoint."""

    def __call__(self, request: TokenRequest, /) -> bytes:
        """Send, with retries; answer with the body of a 200."""
        ...


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


class _UserToken(msgspec.Struct):
    v3_user_token: str


class _UserGranted(msgspec.Struct):
    data: _UserToken


_Shape = TypeVar("_Shape", _Granted, _UserGranted)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and the monotonic second from which on it is too old to be used."""

    text: str
    stale: float

    def __repr__(self) -> str:
        return f"Token(stale={self.stale})"


class Tokens:
    """Keeps one token fresh. Safe for threads.

    Args:
        base: the source's URL, where no token URL is set.
        auth: which way of authorisation.
        credentials: the secrets of that way.
        send: sends a token request.
        clock: where the time comes from.
        stop: ends the waiting for the next one-time password.
    """

    def __init__(
        self,
        base: str,
        auth: Auth,
        credentials: Credentials,
        *,
        send: TokenSender,
        clock: Clock,
        stop: StopSignal,
    ) -> None:
        self._base = base.rstrip("/")
        self._auth = auth
        self._credentials = credentials
        self._send = send
        self._clock = clock
        self._stop = stop
        self._token: Token | None = None
        self._sent: tuple[str, ...] = ()
        self._last_step = -1
        self._lock = Lock()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any output: the credentials, as they are sent too, and tokens."""
        return (*self._credentials.secrets, *self._sent)

    def get(self, refused: str | None = None) -> str:
        """A token to use now.

        Args:
            refused: a token that the source has just refused; another one is made if there can
                be another.
        """
        with self._lock:
            token = self._token
            if token is None or token.text == refused or self._clock.monotonic() >= token.stale:
                token = self._token = self._make()
                self._remember(token.text)
            return token.text

    def _make(self) -> Token:
        match self._credentials:
            case BearerToken(token=text):
                return _token(text, 0.0, float("inf"))
            case ApiClient():
                return self._for_api_client(self._credentials)
            case UserPassword():
                return self._for_user(self._credentials)

    def _for_api_client(self, client: ApiClient) -> Token:
        way = self._auth.api_client
        url = way.token_url if way else None
        asked = self._clock.monotonic()
        body = self._send(
            TokenRequest(
                "POST",
                url or f"{self._base}/api/v3/oauth/token",
                {"grant_type": "client_credentials"},
                {"Authorization": self._basic(client.client_id, client.client_secret)},
            )
        )
        granted = _decode(body, _Granted)
        seconds = granted.expires_in or _API_CLIENT_SECONDS
        return _token(granted.access_token, asked, seconds)

    def _for_user(self, user: UserPassword) -> Token:
        try:
            return self._logged_in(user)
        except AuthorisationError:
            if user.totp_seed is None:
                raise
        # Another process may have used the code of this half minute; the next one tells.
        return self._logged_in(user)

    def _logged_in(self, user: UserPassword) -> Token:
        way = self._auth.user_password
        url = way.token_url if way else None
        headers = {"Authorization": self._basic(user.username, user.password)}
        if user.totp_seed is not None:
            headers["totp-auth"] = self._fresh_code(user.totp_seed)
        asked = self._clock.monotonic()
        body = self._send(
            TokenRequest(
                "GET", url or f"{self._base}/api/v3/auth/jwt", {"useBody": "true"}, headers
            )
        )
        return _token(_decode(body, _UserGranted).data.v3_user_token, asked, _USER_SECONDS)

    def _basic(self, user: str, password: str) -> str:
        pair = b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._remember(pair)
        return f"Basic {pair}"

    def _remember(self, text: str) -> None:
        if text not in self._sent:
            self._sent = (*self._sent, text)[-_REMEMBERED:]

    def _fresh_code(self, seed: str) -> str:
        """A one-time password that was not used before: a used one is refused."""
        step, into = divmod(self._clock.now(), STEP_SECONDS * 1000)
        if step <= self._last_step:
            pause(self._stop, STEP_SECONDS - into / 1000)
            step = self._last_step + 1
        self._last_step = step
        return totp(seed, step)


def _token(text: str, asked: float, seconds: float) -> Token:
    if not _SENDABLE.fullmatch(text):
        raise ConfigurationError(
            "TokenUnusable", "the token has spaces or characters that HTTP forbids in a header"
        )
    # A margin of a minute, or a fifth of a short life.
    return Token(text, asked + seconds - min(_EARLY, seconds / 5))


def _decode(body: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Not chained, and not shown: a half-understood answer may hold the token.
        raise AnswerError(
            "TokenAnswerUnreadable", "the token endpoint answered 200 without a token in it"
        ) from None
