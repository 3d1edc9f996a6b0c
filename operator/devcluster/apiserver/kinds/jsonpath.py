"""The part of kubectl's JSONPath that printer columns use: fields, indexes, ``[*]``, filters."""

import re
from collections.abc import Callable, Sequence
from typing import Any

Path = Callable[[Any], Sequence[Any]]

_STEP = re.compile(
    r"""\.(?P<field>[A-Za-z_][\w-]*(?:\\\.[\w-]+)*)      # .field or .a\.b
      |\[['"](?P<quoted>[^'"]+)['"]\]                    # ['field']
      |\[(?P<index>-?\d+)\]                              # [0]
      |(?P<all>\[\*\]|\.\*)                              # [*]
      |\[\?\(@\.(?P<key>[\w.-]+)\s*==\s*['"](?P<value>[^'"]*)['"]\)\]  # [?(@.type=='Ready')]
    """,
    re.VERBOSE,
)


class JsonPathError(ValueError):
    """The text is no path of the supported form."""


def compile_path(text: str) -> Path:
    """Read a path such as ``.status.conditions[?(@.type=="Ready")].status``.

    Raises:
        JsonPathError: the text is no such path.
    """
    if not text.startswith("."):
        raise JsonPathError("must be a simple json path starting with .")
    steps: list[Path] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise JsonPathError(f"is an invalid json path: unexpected {text[position:]!r}")
        steps.append(_step(match))
        position = match.end()

    def walk(document: Any) -> Sequence[Any]:
        found: Sequence[Any] = [document]
        for step in steps:
            found = [item for value in found for item in step(value)]
        return found

    return walk


def _step(match: re.Match[str]) -> Path:
    if match["all"]:
        return lambda value: (
            list(value.values())
            if isinstance(value, dict)
            else value
            if isinstance(value, list)
            else []
        )
    if match["index"] is not None:
        index = int(match["index"])
        return lambda value: (
            [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
        )
    if match["key"] is not None:
        keys, wanted = match["key"].split("."), match["value"]
        return lambda value: (
            [item for item in value if _dig(item, keys) == wanted]
            if isinstance(value, list)
            else []
        )
    name = (match["field"] or match["quoted"]).replace("\\.", ".")
    return lambda value: [value[name]] if isinstance(value, dict) and name in value else []


def _dig(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
