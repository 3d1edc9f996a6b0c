"""The syntax of labels and of the qualified names that keys and finalizers share."""

import re
from collections.abc import Iterable, Iterator, Mapping

from devcluster.apiserver.errors import Cause, invalid_value
from devcluster.apiserver.kinds.strategy import DNS_SUBDOMAIN, SUBDOMAIN_DETAIL

_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_NAME_DETAIL = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_DETAIL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def label_map_causes(labels: Mapping[str, str], path: str) -> Iterator[Cause]:
    """Why these cannot be an object's labels."""
    for key, value in labels.items():
        yield from key_causes(key, path)
        yield from value_causes(value, path)


def annotation_causes(annotations: Iterable[str], path: str) -> Iterator[Cause]:
    """Why these cannot be keys of annotations, where case does not matter."""
    for key in annotations:
        yield from key_causes(key, path, checked=key.lower())


def value_causes(value: str, path: str) -> Iterator[Cause]:
    """Why this cannot be the value of a label."""
    if len(value) > 63:
        yield invalid_value(path, value, "must be no more than 63 bytes")
    if not _VALUE.fullmatch(value):
        yield invalid_value(path, value, _VALUE_DETAIL)


def key_causes(key: str, path: str, *, checked: str | None = None) -> Iterator[Cause]:
    """Why this cannot be the key of a label or annotation, or a finalizer.

    Args:
        key: What is shown.
        path: Where it stands.
        checked: What is checked, if it is not what is shown.
    """
    prefix, slash, name = (key if checked is None else checked).rpartition("/")
    if slash and not prefix:
        yield invalid_value(path, key, "prefix part must be non-empty")
    elif slash and not DNS_SUBDOMAIN.fullmatch(prefix):
        yield invalid_value(path, key, f"prefix part {SUBDOMAIN_DETAIL}")
    if not name:
        yield invalid_value(path, key, "name part must be non-empty")
    if len(name) > 63:
        yield invalid_value(path, key, "name part must be no more than 63 bytes")
    if not _QUALIFIED.fullmatch(name):
        yield invalid_value(path, key, _NAME_DETAIL)
