"""The server's certificate authority and certificate, kept so that clients survive a restart."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are."""

    authority: Path
    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """The TLS context of the server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context


def load_certificates(directory: Path) -> Certificates:
    """Read the certificates of a directory, or make them."""
    found = Certificates(directory / "ca.crt", directory / "tls.crt", directory / "tls.key")
    if not found.key.exists():
        authority = trustme.CA()
        leaf = authority.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc")
        authority.cert_pem.write_to_path(found.authority)
        with found.chain.open("wb") as file:
            for part in leaf.cert_chain_pems:
                file.write(part.bytes())
        found.key.touch(mode=0o600)
        leaf.private_key_pem.write_to_path(found.key)
    return found
