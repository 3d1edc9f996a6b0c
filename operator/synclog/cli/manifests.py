"""YAML as ``kubectl`` reads it: what looks like a time is a text, and no key is given twice."""

from collections.abc import Iterator
from typing import Any

import msgspec
import yaml


class _Loader(yaml.SafeLoader):
    """The safe loader without times, which JSON does not have."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as its base has it
        first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping.

        Raises:
            yaml.YAMLError: a key is there twice; one of the two would be lost without a word.
        """
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
                mark = key.start_mark
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value!r} is given twice", problem_mark=mark
                )
            if isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(text: str) -> Iterator[dict[str, Any]]:
    """The objects in a YAML or JSON text, also those in lists.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    return _flat([_plain(document) for document in yaml.load_all(text, _Loader)])


def _flat(documents: list[Any]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if isinstance(document, dict):
            items = document.get("items")
            yield from _flat(items) if isinstance(items, list) else [document]


def _plain(value: Any) -> Any:
    """The value as JSON has it: names are texts, and 2.0 is 2."""
    if isinstance(value, dict):
        return {_name(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return msgspec.to_builtins(value)


def _name(key: Any) -> str:
    return key if isinstance(key, str) else msgspec.json.encode(key).decode()
