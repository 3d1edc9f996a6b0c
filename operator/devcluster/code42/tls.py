"""Certificates of the simulated source."""

import ssl
from pathlib import Path

import trustme


def server_tls(directory: Path) -> ssl.SSLContext:
    """A server context for localhost; the CA that signed it is left in ``directory/ca.crt``."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
