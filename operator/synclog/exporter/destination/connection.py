"""How every object store is talked to."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from synclog.exporter.destination.failures import LIBRARY_ERRORS, understood
from synclog.exporter.errors import ConfigurationError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore.store import ClientConfig, RetryConfig

RETRIES: "RetryConfig" = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=10),
        "base": 2,
    },
}
"""What the library does about 5xx, throttling and broken connections within one call."""


class Connection(TypedDict):
    """What the library's stores of every kind take."""

    prefix: str | None
    client_options: "ClientConfig"
    retry_config: "RetryConfig"


def connection(prefix: str, *, allow_http: bool = False, ca: bytes | None = None) -> Connection:
    """How a store is talked to.

    Args:
        prefix: folder of the destination; empty: none.
        allow_http: True also takes ``http://``.
        ca: authorities to trust besides the public ones, PEM.
    """
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        # For a request with its whole body: a part must get through on a slow line.
        "timeout": timedelta(seconds=120),
        "user_agent": "synclog-export",
    }
    if allow_http:
        options["allow_http"] = True
    if ca is not None:
        options["root_certificate"] = ca
    return Connection(prefix=prefix or None, client_options=options, retry_config=RETRIES)


def connection_of_environment(prefix: str, variable: str) -> Connection:
    """How a store is talked to that a person named on the command line.

    Args:
        prefix: folder of the destination; empty: none.
        variable: allows ``http://``. The library forgets it as soon as it is given any option.
    """
    allowed = os.environ.get(variable, "").lower() in {"1", "true"}
    return connection(prefix, allow_http=allowed)


@contextmanager
def opening(url: str, prefix: str) -> Iterator[None]:
    """Make a store of the library.

    Args:
        url: the destination for a person; no secret in it.
        prefix: what the names of the library's variables begin with.

    Raises:
        ConfigurationError: what it is given makes no sense to it.
    """
    try:
        with understood(url):
            yield
    except LIBRARY_ERRORS:
        names = sorted(name for name in os.environ if name.upper().startswith(prefix))
        # Without the cause: it may quote a key.
        raise ConfigurationError(
            "DestinationMisconfigured",
            f"{url} cannot be opened: a setting makes no sense to the store's library, in "
            f"spec.destination or in the environment ({', '.join(names) or 'nothing there'}); "
            "what they hold is not shown, as it may be secret",
        ) from None


def pem(data: bytes) -> bytes:
    """The content of a CA bundle.

    Raises:
        ConfigurationError: it holds no certificate, or something that is none.
    """
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            ssl.create_default_context(cadata=data.decode("ascii", "replace"))
            return data
    except ssl.SSLError:
        pass
    raise ConfigurationError(
        "InvalidCaBundle", "the destination's CA bundle holds no certificate in PEM form"
    )
