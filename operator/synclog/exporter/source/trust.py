"""Whose certificates are trusted."""

import ssl
from pathlib import Path

import certifi

from synclog.exporter.errors import ConfigurationError


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the public authorities, and those of a PEM file.

    Raises:
        ConfigurationError: the file holds no certificate.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                "CaBundleUnreadable", f"the CA bundle holds no PEM certificate: {error}"
            ) from error
    return context


def untrusted(error: BaseException | None) -> bool:
    """Whether an error comes from a certificate that is not trusted."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
