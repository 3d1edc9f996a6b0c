"""What the source says when it refuses: the family's error shapes, as one safe sentence."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

_SHOWN = 300
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[-._~+/0-9a-z]{6,}=*")
_SAYING = ("name", "problem", "code", "error", "error_description", "message", "description")


def describe_problem(body: bytes, secrets: Iterable[str]) -> str:
    """The reason that an error body gives, in at most 300 characters.

    Args:
        body: the body, or its first bytes.
        secrets: texts that are taken out wherever they appear.
    """
    text = body.decode("utf-8", "replace").strip()
    if text[:1] == "<":
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
        said = "an HTML page" + (f" titled {title[1].strip()!r}" if title else "")
    else:
        try:
            said = _said(msgspec.json.decode(body)) or text
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            said = text
    return " ".join(redact(said, secrets).split())[:_SHOWN] or "no reason given"


def redact(text: str, secrets: Iterable[str]) -> str:
    """Take out secrets, and whatever looks like an Authorization header."""
    for secret in filter(None, secrets):
        # As it is, and as the two ways of JSON write it.
        for form in (
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        ):
            text = text.replace(form, "***")
    return _BEARER.sub(r"\1 ***", text)


def is_problem(document: Any) -> bool:
    """Whether a JSON document is one of the family's error shapes rather than data."""
    match document:
        case [{"name": str(), "description": _, **rest}] if not rest:
            return True
        case {"problem": str()}:
            return True
        case {"status": int(), "error": _, "path": _}:
            return True
        case {"error": error, **rest} if error and "data" not in rest:
            return True
    return False


def _said(document: Any) -> str:
    if isinstance(document, list):
        return "; ".join(filter(None, map(_said, document[:3])))
    if isinstance(document, dict):
        parts = [document.get(key) for key in _SAYING]
        return ": ".join(
            said
            for part in parts
            if (said := part if isinstance(part, str) else _said(part) if part else "")
        )
    return ""
