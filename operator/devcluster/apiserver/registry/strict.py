"""JSON that remembers which fields were written twice; the last one counts, as in Go."""

import json
from collections.abc import Iterator
from typing import Any


class _Repeating(dict[str, Any]):
    """An object with repeated fields."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    found = _Repeating(plain)
    names = [name for name, _ in pairs]
    found.repeated = tuple(dict.fromkeys(n for n in names if names.count(n) > 1))
    return found


def loads(text: bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: the text is no JSON.
    """
    return json.loads(text, object_pairs_hook=_object)


def repeated_fields(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the fields that were written twice."""
    if isinstance(value, _Repeating):
        for name in value.repeated:
            yield f"{path}.{name}" if path else name
    if isinstance(value, dict):
        for key, item in value.items():
            yield from repeated_fields(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from repeated_fields(item, f"{path}[{index}]")
