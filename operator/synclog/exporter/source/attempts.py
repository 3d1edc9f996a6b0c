"""What becomes of a try that failed: another one, or an error that says what to change."""

from collections.abc import Collection

import httpx

from synclog.exporter.errors import ConfigurationError
from synclog.exporter.source.framing import CutShortError
from synclog.exporter.source.problems import redact
from synclog.exporter.source.trust import untrusted

_PROXY_REFUSES = ("403", "407")
"""Statuses of an answer to CONNECT that another try will not change."""


class TryAgainError(Exception):
    """Raised inside one try when another one may help."""

    def __init__(
        self, reason: str, message: str, asked: float | None = None, *, at_once: bool = False
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.asked = asked
        self.at_once = at_once


def failure_of(
    error: TryAgainError | CutShortError | httpx.RequestError, host: str, secrets: Collection[str]
) -> TryAgainError:
    """Why a try failed, if another one may help.

    Args:
        error: what ended the try.
        host: the source's.
        secrets: texts that no message may have.

    Raises:
        ConfigurationError: no other try will help; the message says what to change.
    """
    if isinstance(error, TryAgainError):
        return error
    if isinstance(error, CutShortError):
        return TryAgainError("CutShort", f"the answer was cut short: {error}")
    if isinstance(error, httpx.UnsupportedProtocol):
        raise ConfigurationError("InvalidUrl", f"source.url: {error}") from error
    if isinstance(error, httpx.LocalProtocolError):
        # Its text shows the header, and so the token.
        raise ConfigurationError(
            "CredentialsUnreadable", "the credentials have characters that HTTP forbids"
        ) from None
    if untrusted(error):
        raise ConfigurationError(
            "CertificateRefused",
            f"the certificate of {host} is not trusted; set source.caBundle to "
            f"the authority that signed it ({error})",
        ) from error
    if isinstance(error, httpx.ProxyError) and str(error).startswith(_PROXY_REFUSES):
        raise proxy_refused(str(error)) from error
    said = f"the connection to {host} failed: {type(error).__name__}: {error}"
    return TryAgainError("Unreachable", redact(said, secrets))


def proxy_refused(said: str) -> ConfigurationError:
    """The error of a proxy that says no, with what it said."""
    return ConfigurationError(
        "ProxyRefused",
        f"the proxy answers {said}. Check source.proxy, and what the proxy lets through",
    )
