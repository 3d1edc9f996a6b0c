"""Finding secrets in what a program shows, in whatever form they come out."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from support.stores import Answer, Fault, Request

SIGNED = ("X-Amz-Signature=", "X-Goog-Signature=", "sig=", "Signature=", "SharedKey ", "Bearer ey")
"""What rights look like that are made of a secret and that others could use."""

_PIECE = 24
"""A long secret counts as shown where so many characters of it are."""


def secrets_of(files: Mapping[str, str]) -> list[str]:
    """The secrets in the files of a mounted Secret; keys of accounts by the lines of their key."""
    found = []
    for name, content in files.items():
        if name == "key.json":
            found += json.loads(content)["private_key"].splitlines()[1:-1]
        elif name == "sasToken":
            found.append(content.partition("sig=")[2])
        else:
            found.append(content)
    return found


def leaks(text: str, secrets: Iterable[str]) -> list[str]:
    """The forms of secrets that stand in a text, and rights that were signed with one."""
    forms = (form for secret in secrets for form in _forms(secret))
    return [form for form in (*forms, *SIGNED) if form in text]


def _forms(secret: str) -> Iterator[str]:
    piece = secret[:_PIECE]
    raw = piece.encode()
    yield from {piece, quote(piece, safe=""), quote(piece), quote_plus(piece), repr(piece)[1:-1]}
    yield json.dumps(piece)[1:-1]
    yield raw.hex()
    for before, cut in ((0, 0), (1, 2), (2, 3)):  # wherever it stands in what was encoded
        encoded = base64.b64encode(b"x" * before + raw).decode()
        yield encoded[cut : len(encoded) - 4]
        yield base64.urlsafe_b64encode(b"x" * before + raw).decode()[cut : len(encoded) - 4]


def echo(status: int, code: str) -> Fault:
    """Refuses a request, and repeats all of it: as it came, encoded, and in headers."""

    def refuse(request: Request, _forward: object) -> Answer:
        said = f"{request.method} {request.path} {request.headers}"
        again = base64.b64encode(said.encode()).decode()
        body = f"<Error><Code>{code}</Code><Message>{said} {quote(said)} {again}</Message></Error>"
        kind = {"Content-Type": "application/xml", "x-ms-error-code": code}
        return Answer(status, kind, body.replace("&", "&amp;").encode())

    return refuse
