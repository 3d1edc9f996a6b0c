"""``x-kubernetes-validations``: CEL rules of custom resources, at every level.

The interpreter is the Rust ``cel`` crate. It does not type-check and lacks optional types and
``cel.bind``; Kubernetes' list, string, regex and URL libraries are added below as far as rules
commonly use them. A rule that cannot be parsed refuses the CustomResourceDefinition, as in
Kubernetes.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import cel

from devcluster.apiserver.errors import Cause, invalid_value, invalid_whole
from devcluster.apiserver.schema.node import ABSENT, Node, Rule
from devcluster.apiserver.schema.times import is_date_time, to_datetime
from devcluster.apiserver.schema.validate import json_type

_OLD_SELF = re.compile(r"\boldSelf\b")


def _is_sorted(items: Sequence[Any]) -> bool:
    return all(left <= right for left, right in itertools.pairwise(items))


def _index_of(where: Any, what: Any) -> int:
    if isinstance(where, str):
        return where.find(what)
    return where.index(what) if what in where else -1


def _last_index_of(where: Any, what: Any) -> int:
    if isinstance(where, str):
        return where.rfind(what)
    return len(where) - 1 - where[::-1].index(what) if what in where else -1


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match.group() if match else ""


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and parts.netloc) or text.startswith("/")


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "isSorted": _is_sorted,
    "sum": sum,
    "min": min,
    "max": max,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "find": _find,
    "findAll": lambda text, pattern: [m.group() for m in re.finditer(pattern, text)],
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, separator: text.split(separator),
    "join": lambda items, separator="": separator.join(items),
    "substring": lambda text, start, end=None: text[start:end],
    "trim": lambda text: text.strip(),
    "charAt": lambda text, index: text[index],
    "isURL": _is_url,
}
_CALLS = re.compile(rf"\b({'|'.join(_FUNCTIONS)})\(")


@cache
def compile_rule(rule: str) -> cel.Program:
    """The program of a rule.

    Raises:
        ValueError: the rule is no CEL expression.
    """
    return cel.compile(rule)


def evaluate(rule: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression.

    Raises:
        Exception: the interpreter refuses to go on: a missing key, an operator that is not
            defined for these types, an unknown function. The library has no base class.
    """
    program = compile_rule(rule)
    if not _CALLS.search(rule):
        return program.execute(dict(variables))
    context = cel.Context(variables=dict(variables), functions=dict(_FUNCTIONS))
    return program.execute(context)


def check_rules(node: Node, value: Any, old: Any, path: str) -> Iterator[Cause]:
    """Every rule at and below this value that does not hold.

    Args:
        node: The schema of the value.
        value: The new value.
        old: The old one, or ``ABSENT`` at creation and where values cannot be correlated.
        path: Where the value stands.
    """
    if not node.has_rules or value is None:
        return
    # What an update leaves as it was is only held to the rules about changes, as in Kubernetes.
    kept = old is not ABSENT and value == old
    rules = [rule for rule in node.rules if not kept or _OLD_SELF.search(rule.rule)]
    if rules:
        shown = _to_cel(node, value)
        shown_old = ABSENT if old is ABSENT or old is None else _to_cel(node, old)
        for rule in rules:
            cause = _check(rule, shown, shown_old, value, path)
            if cause is not None:
                yield cause
    yield from _check_children(node, value, old, path)


def _check_children(node: Node, value: Any, old: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for key, item in value.items():
            child = node.properties.get(key)
            child_path = f"{path}.{key}" if path else key
            if child is None and isinstance(node.additional, Node):
                child, child_path = node.additional, f"{path}[{key}]"
            if child is not None:
                yield from check_rules(child, item, before.get(key, ABSENT), child_path)
    elif isinstance(value, list) and node.items is not None:
        known = _by_keys(node, old)
        for index, item in enumerate(value):
            yield from check_rules(
                node.item, item, known.get(_identity(node, item), ABSENT), f"{path}[{index}]"
            )


def _identity(node: Node, item: Any) -> tuple[Any, ...] | None:
    """What makes an entry of a list the same entry before and after; None: nothing does."""
    if node.list_type == "map" and isinstance(item, dict):
        return tuple(item.get(key) for key in node.list_keys)
    return None


def _by_keys(node: Node, old: Any) -> Mapping[Any, Any]:
    if not isinstance(old, list):
        return {}
    return {key: item for item in old if (key := _identity(node, item)) is not None}


def _check(rule: Rule, value: Any, old: Any, raw: Any, path: str) -> Cause | None:
    variables = {"self": value}
    if _OLD_SELF.search(rule.rule):
        if old is ABSENT:
            return None
        variables["oldSelf"] = old
    try:
        holds = evaluate(rule.rule, variables)
    except Exception as error:  # noqa: BLE001  # the interpreter has no base class of its own
        shown = json_type(raw) if isinstance(raw, dict | list) else raw
        return invalid_value(_at(rule, path), shown, f"rule evaluation error: {error}")
    if holds is True:
        return None
    plain = rule.message or f"failed rule: {' '.join(rule.rule.split())}"
    message = _message(rule, variables) or plain
    where = _at(rule, path)
    match rule.reason:
        case "FieldValueForbidden":
            return Cause(where, rule.reason, f"Forbidden: {message}")
        case "FieldValueRequired":
            return Cause(where, rule.reason, f"Required value: {message}")
        case "FieldValueDuplicate":
            return Cause(where, rule.reason, f"Duplicate value: {message}")
        case _ if isinstance(raw, dict | list):
            return invalid_whole(where, message)
        case _:
            return invalid_value(where, raw, message)


def _at(rule: Rule, path: str) -> str:
    if not rule.field_path:
        return path or "<nil>"
    return f"{path}{rule.field_path}" if path else rule.field_path.removeprefix(".")


def _message(rule: Rule, variables: Mapping[str, Any]) -> str:
    if not rule.message_expression:
        return ""
    try:
        found = evaluate(rule.message_expression, variables)
    except Exception:  # noqa: BLE001  # as in Kubernetes, the plain message takes its place
        return ""
    return found if isinstance(found, str) else ""


def _to_cel(node: Node, value: Any) -> Any:
    """The value as CEL sees it: date-time strings are timestamps, unknown fields are hidden."""
    match value:
        case dict():
            shown = {}
            for key, item in value.items():
                child = node.properties.get(key)
                if child is None:
                    child = node.additional if isinstance(node.additional, Node) else None
                    if child is None and not (
                        node.preserve or key in {"apiVersion", "kind", "metadata"}
                    ):
                        continue
                if item is not None or (child is not None and child.nullable):
                    shown[key] = item if child is None else _to_cel(child, item)
            return shown
        case list() if node.items is not None:
            return [_to_cel(node.item, item) for item in value]
        case str() if node.format == "date-time" and is_date_time(value):
            return to_datetime(value)
        case int() if node.type == "number":
            return float(value)
        case _:
            return value
