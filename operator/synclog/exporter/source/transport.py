"""The one way to the source: requests with a token, retries and checks, and streamed bodies.

This module and `attempts` are all that knows httpx.

Measured: the synchronous client with ``iter_raw`` costs 1.5 CPU seconds a GiB, reading 256 KiB at a
time; the asynchronous one, or ``iter_bytes``, about twice that.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

import httpcore
import httpx

from synclog.api.source import Source
from synclog.exporter.errors import (
    AnswerError,
    AuthorisationError,
    ConfigurationError,
    Interrupted,
    SourceError,
)
from synclog.exporter.source.attempts import TryAgainError, failure_of, proxy_refused
from synclog.exporter.source.clock import Clock, ClockReading, StopSignal
from synclog.exporter.source.credentials import Credentials
from synclog.exporter.source.framing import CutShortError, Framing, decode, framing_of
from synclog.exporter.source.pacing import ATTEMPTS, Pace, backoff, http_date, pause, retry_after
from synclog.exporter.source.problems import describe_problem, redact
from synclog.exporter.source.tokens import TokenRequest, Tokens
from synclog.exporter.source.trust import trust
from synclog.windows import Span

httpcore.HTTP11Connection.READ_NUM_BYTES = 256 * 1024
"""Bytes that are taken from a connection at once. The library's 64 KiB cost a third more CPU time;
still more would be saved, for half a MiB of memory with each page that is under way."""

TIMEOUT = httpx.Timeout(connect=10, read=60, write=30, pool=60)
"""Seconds; ``read`` is the longest silence inside an answer."""
_RETRIED = frozenset((408, 425, 429))  # and all of 500 and above
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_REDIRECT_LIMIT = 3
_PROBLEM_BYTES = 8 * 1024
_TOKEN_BYTES = 64 * 1024
_ASKED_ONCE_MORE = 2

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer says before its body."""

    query: str
    """Path and query of the request."""
    status: int
    date: str
    framing: Framing
    content_type: str
    """Without parameters, in lower case."""


@dataclass(slots=True)
class Counters:
    """What the transport did so far."""

    requests: int = 0
    retries: int = 0


class Transport:
    """Talks to one source. Safe for threads.

    Args:
        source: the resource's source.
        credentials: the secrets of ``source.auth``.
        ca_file: PEM file of authorities to trust besides the public ones.
        clock: where the time comes from.
        stop: ends waiting and reading.
        chance: spreads retries.

    Raises:
        ConfigurationError: the CA file or a URL is not usable.
    """

    def __init__(
        self,
        source: Source,
        credentials: Credentials,
        *,
        ca_file: Path | None,
        clock: Clock,
        stop: StopSignal,
        chance: random.Random,
    ) -> None:
        self._clock = clock
        self._stop = stop
        self._chance = chance
        self._pace = Pace(source.requests_per_minute, clock, stop)
        self._lock = Lock()
        self._offset: Span | None = None
        self._accepted: str | None = None
        self.counters = Counters()
        try:
            self._base = httpx.URL(source.url.rstrip("/"))
            self._client = httpx.Client(
                verify=trust(ca_file),
                proxy=_proxy(source.proxy),
                timeout=TIMEOUT,
                follow_redirects=False,
                trust_env=False,  # no proxy and no .netrc that the resource does not name
                headers={
                    "Accept-Encoding": "identity",
                    "Cache-Control": "no-cache",
                    "User-Agent": "synclog-export",
                },
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigurationError("InvalidUrl", f"source.url: {error}") from error
        self._tokens = Tokens(
            source.url,
            source.auth,
            credentials,
            send=self._send_token_request,
            clock=clock,
            stop=stop,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @property
    def host(self) -> str:
        """The source's host."""
        return self._base.host

    def clocks(self) -> ClockReading | None:
        """The two clocks now, from the newest ``Date`` header; None before the first one."""
        offset = self._offset
        if offset is None:
            return None
        now = self._clock.now()
        return ClockReading(now, now + offset)

    def describe(self, body: bytes) -> str:
        """The reason that an error body gives, without secrets; see `describe_problem`."""
        return describe_problem(body, self._tokens.secrets)

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        accept: str,
        consume: Callable[[Head, Iterator[bytes]], _Result],
        *,
        also: Collection[int] = (),
    ) -> _Result:
        """Ask for a path of the source, and give the answer to ``consume``.

        Args:
            path: the path under the source's URL.
            params: the query.
            accept: media types that are understood.
            consume: takes the head and the blocks of the body of an answer with status 200. It
                is called again, with another answer, when the connection fails under its hands.
            also: other statuses whose answers are given to ``consume``.

        Returns:
            What ``consume`` returned.

        Raises:
            AuthorisationError: the token is refused, a fresh one too.
            ConfigurationError: the source knows no such path.
            AnswerError: the source answered something else than what was asked.
            SourceError: all tries failed.
            Interrupted: told to stop.
        """
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        refused: list[str] = []
        reason = ""
        never_accepted = 0

        def once() -> _Result:
            nonlocal never_accepted, reason
            token = self._tokens.get(refused[-1] if refused else None)
            if token in refused:
                raise self._token_refused(f"{reason} (there is no other token to try)")
            headers = {"Authorization": f"Bearer {token}", "Accept": accept}
            request = self._client.build_request("GET", url, params=params, headers=headers)
            response = self._follow(request)
            try:
                if response.status_code == 200 or response.status_code in also:
                    self._accepted = token
                    return self._consumed(consume, response)
                if response.status_code == 401:
                    # A token that was accepted before has expired, and says nothing about the
                    # permission; several pages may meet that at once.
                    refused.append(token)
                    reason = self._problem(response)
                    never_accepted += token != self._accepted
                    if never_accepted == _ASKED_ONCE_MORE:
                        raise self._token_refused(reason)
                    raise TryAgainError("TokenRefused", "the token was refused", at_once=True)
                raise self._refusal(response)
            finally:
                response.close()

        return self._with_retries(once)

    def _consumed(
        self, consume: Callable[[Head, Iterator[bytes]], _Result], response: httpx.Response
    ) -> _Result:
        try:
            return consume(_head(response), self._blocks(response))
        except AnswerError as error:
            # It quotes what was served, and a proxy's page may show the request that it got.
            safe = redact(error.message, self._tokens.secrets)
            raise AnswerError(error.reason, safe) from None

    def _follow(self, request: httpx.Request) -> httpx.Response:
        """Send a request; follow redirects within the same origin only."""
        for _ in range(_REDIRECT_LIMIT + 1):
            self._pace.wait()
            response = self._send_timed(request)
            if response.status_code not in _REDIRECTS:
                return response
            response.close()
            target = request.url.join(response.headers.get("location", ""))
            if _origin(target) != _origin(request.url):
                raise AnswerError(
                    "RedirectRefused",
                    f"the source redirects to {target.scheme}://{target.host}, and the token is "
                    "not sent to another host; set source.url to the host that answers",
                )
            request = self._client.build_request("GET", target, headers=request.headers)
        raise AnswerError("RedirectRefused", "the source redirects in a circle")

    def _send_token_request(self, request: TokenRequest) -> bytes:
        """Send a request to a token endpoint; see `tokens.TokenSender`."""
        try:
            url = httpx.URL(request.url)
        except httpx.InvalidURL as error:
            raise ConfigurationError(
                "InvalidUrl",
                f"tokenUrl is not the URL of a token endpoint ({error}): write one such as "
                "https://api.us.code42.com/v1/oauth",
            ) from error

        def once() -> bytes:
            self._pace.wait()
            response = self._send(
                self._client.build_request(
                    request.method, url, params=request.params, headers=request.headers
                )
            )
            try:
                if response.status_code == 200:
                    return self._read(response, _TOKEN_BYTES)
                if response.status_code in (400, 401, 403):
                    raise self._token_refused(self._problem(response), "token endpoint")
                if response.status_code in _REDIRECTS:
                    raise AnswerError(
                        "RedirectRefused",
                        "the token endpoint redirects, and credentials are not sent on; set "
                        "tokenUrl to the URL that answers",
                    )
                raise self._refusal(response, "token endpoint")
            finally:
                response.close()

        return self._with_retries(once)

    # One try.

    def _send(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.counters.requests += 1
        return self._client.send(request, stream=True)

    def _send_timed(self, request: httpx.Request) -> httpx.Response:
        """Send to the source itself, and learn its time; a token may come from another host."""
        before = self._clock.now()
        response = self._send(request)
        date = http_date(response.headers.get("date"))
        if date is not None:
            self._offset = date - (before + self._clock.now()) // 2
        return response

    def _blocks(self, response: httpx.Response) -> Iterator[bytes]:
        for block in decode(response.iter_raw(), response.headers.get("content-encoding")):
            if self._stop.is_set():
                raise Interrupted("Interrupted", "told to stop while reading an answer")
            yield block

    def _read(self, response: httpx.Response, limit: int) -> bytes:
        data = b""
        for block in self._blocks(response):
            data += block
            if len(data) >= limit:
                break
        return data[:limit]

    def _problem(self, response: httpx.Response) -> str:
        """What a refusal says. One that cannot be read is a refusal all the same."""
        try:
            body = self._read(response, _PROBLEM_BYTES)
        except (AnswerError, CutShortError, httpx.RequestError):
            body = b""
        return self.describe(body)

    def _token_refused(self, reason: str, by: str = "source") -> AuthorisationError:
        return AuthorisationError(
            "TokenRefused",
            f"the {by} refuses the credentials: {reason}. Check the Secret, the permissions of "
            "the API client or user, and that the plan includes the API",
        )

    def _refusal(self, response: httpx.Response, by: str = "source") -> Exception:
        """The error of an answer that is neither 200, nor 401, nor a redirect."""
        status = response.status_code
        reason = self._problem(response) if status >= 400 else ""
        said = f"the {by} answers {status}: {reason}"
        if status in _RETRIED or status >= 500:
            now = self._clock.now() + (self._offset or 0)
            asked = retry_after(response.headers.get("retry-after"), now)
            kind = "RateLimited" if status == 429 else "SourceUnavailable"
            return TryAgainError(kind, said, asked)
        if status == 403:
            return AuthorisationError("Forbidden", said)
        if status in (404, 405, 410):
            return ConfigurationError("NoSuchPath", f"{said}. Check source.url and source.path")
        if status == 407:
            return proxy_refused(f"407: {reason}")
        return AnswerError("UnexpectedStatus", said)

    # Many tries.

    def _with_retries(self, once: Callable[[], _Result]) -> _Result:
        attempt = 0
        while True:
            attempt += 1
            try:
                return once()
            except (TryAgainError, CutShortError, httpx.RequestError) as error:
                failure = failure_of(error, self.host, self._tokens.secrets)
            if attempt == ATTEMPTS:
                raise SourceError(
                    failure.reason, f"{failure.message} ({attempt} tries)"
                ) from failure
            with self._lock:
                self.counters.retries += 1
                wait = 0.0 if failure.at_once else backoff(attempt, failure.asked, self._chance)
            pause(self._stop, wait)


def _head(response: httpx.Response) -> Head:
    headers = response.headers
    return Head(
        query=response.request.url.raw_path.decode("ascii"),
        status=response.status_code,
        date=headers.get("date", ""),
        framing=framing_of(headers),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
    )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    return url.scheme, url.host, port


def _proxy(url: str | None) -> httpx.Proxy | None:
    if url is None:
        return None
    try:
        return httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError):
        # Its text shows parts of the URL, and so of a password.
        raise ConfigurationError(
            "InvalidUrl",
            "source.proxy is not the URL of a proxy: write one such as "
            "http://proxy.example.com:3128",
        ) from None
