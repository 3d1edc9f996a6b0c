"""What keeps an object from being replaced or removed, as far as its store tells.

The storage library passes no such headers on. So it signs a link to the object, which is valid
for a minute, and the link is asked for its headers alone. Nothing of this can fail an export.
"""

import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException

import certifi

from synclog.exporter.destination.base import UNKNOWN, Guarantee
from synclog.exporter.destination.failures import LIBRARY_ERRORS
from synclog.exporter.errors import ExportError
from synclog.windows import format_time, from_datetime, parse_time

LINK_LIFE = timedelta(minutes=1)
"""How long a signed link is valid."""
NOT_SHOWN = "NotShown"
"""The store told of no retention: there is none, or the right to see it is missing."""

_TIMEOUT = 10.0
_NOT_ASKED = (*LIBRARY_ERRORS, HTTPException, ExportError)


@dataclass(frozen=True, slots=True)
class Headers:
    """How a kind of store names what it tells."""

    condition: str
    """Makes a creation conditional."""
    mode: str
    until: str
    hold: str = ""


S3_HEADERS = Headers(
    condition="if-none-match",
    mode="x-amz-object-lock-mode",
    until="x-amz-object-lock-retain-until-date",
    hold="x-amz-object-lock-legal-hold",
)
GCS_HEADERS = Headers(
    condition="x-goog-if-generation-match",
    mode="x-goog-object-lock-mode",
    until="x-goog-object-lock-retain-until-date",
)
AZURE_HEADERS = Headers(
    condition="if-none-match",
    mode="x-ms-immutability-policy-mode",
    until="x-ms-immutability-policy-until-date",
    hold="x-ms-legal-hold",
)


@dataclass(frozen=True, slots=True)
class Protection:
    """Asks a store what protects an object."""

    headers: Headers
    link: Callable[[str], str] | None
    """Signs a link to a path; None where the credentials cannot sign."""
    ca: bytes | None = None
    """Authorities to trust besides the public ones, PEM."""

    def of(self, path: str | None) -> Guarantee:
        """See `Destination.guarantee`."""
        if path is None:
            return Guarantee(creation=self.headers.condition)
        if self.link is None:
            return Guarantee(creation=self.headers.condition, retention=UNKNOWN)
        try:
            found = _head(self.link(path), self.ca)
        except _NOT_ASKED:
            return Guarantee(creation=self.headers.condition, retention=UNKNOWN)
        return told(found, self.headers)


def told(found: Message, names: Headers) -> Guarantee:
    """What the headers of an object say."""
    return Guarantee(
        creation=names.condition,
        retention=(found.get(names.mode) or NOT_SHOWN)[:40],
        retain_until=_time(found.get(names.until) or ""),
        legal_hold=(found.get(names.hold) or "").lower() in {"on", "true"},
    )


def _time(text: str) -> str:
    """A time of either form that stores write, as ledgers write it; empty if it is none."""
    try:
        return format_time(parse_time(text))
    except ValueError:
        pass
    try:
        return format_time(from_datetime(parsedate_to_datetime(text).astimezone(UTC)))
    except (ValueError, OverflowError):
        return ""


def _head(url: str, ca: bytes | None) -> Message:
    """The headers of a link, through the proxy that the environment names."""
    context = ssl.create_default_context(cafile=certifi.where())
    if ca is not None:
        context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), _NoRedirects()
    )
    # The store's own URL: http or https, as its endpoint is.
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - see above
    with opener.open(request, timeout=_TIMEOUT) as answer:
        headers: Message = answer.headers
        return headers


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signed link is for one host."""

    def redirect_request(self, *_args: object) -> None:
        """Follow none; the answer is then an error."""
