"""Label and field selectors."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devcluster.apiserver.errors import bad_request
from devcluster.apiserver.kinds.labels import key_causes, value_causes

Matcher = Callable[[Mapping[str, str]], bool]

_SET = re.compile(r"(?P<key>[^\s,()=!]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s,()=!]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s,()=!]*)")
_EXISTS = re.compile(r"(?P<not>!\s*)?(?P<key>[^\s,()=!]+)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a selector."""

    key: str
    operator: str  # in, notin, exists, !
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels satisfy the term."""
        found = labels.get(self.key)
        match self.operator:
            case "in":
                return found is not None and found in self.values
            case "notin":
                return found is None or found not in self.values
            case "exists":
                return found is not None
            case _:
                return found is None


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """Read a label selector such as ``app=a,tier in (x, y),!old``.

    Raises:
        ApiError: 400, the text is no selector.
    """
    requirements = []
    rest = text.strip()
    while rest:
        if match := _SET.match(rest):
            values = frozenset(part.strip() for part in match["values"].split(","))
            requirements.append(Requirement(match["key"], match["operator"], values))
        elif match := _EQUAL.match(rest):
            operator = "notin" if match["operator"] == "!=" else "in"
            requirements.append(Requirement(match["key"], operator, frozenset({match["value"]})))
        elif match := _EXISTS.match(rest):
            requirements.append(Requirement(match["key"], "!" if match["not"] else "exists"))
        else:
            raise bad_request(f"unable to parse requirement: found {rest!r}, expected: identifier")
        _check(requirements[-1])
        rest = rest[match.end() :].lstrip()
        if rest and not rest.startswith(","):
            raise bad_request(f"unable to parse requirement: found {rest!r}, expected: ',' or end")
        rest = rest[1:].lstrip()
    return tuple(requirements)


def _check(requirement: Requirement) -> None:
    causes = list(key_causes(requirement.key, "<nil>"))
    for value in sorted(requirement.values):
        causes += value_causes(value, f"values[0][{requirement.key}]")
    if causes:
        raise bad_request(f"unable to parse requirement: {causes[0]}")


def parse_fields(text: str, supported: Mapping[str, Sequence[str]]) -> tuple[Requirement, ...]:
    """Read a field selector such as ``metadata.name=a,status.phase!=Running``.

    Args:
        text: The selector.
        supported: The fields that this resource can be selected by.

    Raises:
        ApiError: 400, the text is no selector or the field is not supported.
    """
    requirements = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"(?P<key>[^=!]+)(?P<operator>==|=|!=)(?P<value>.*)", part)
        if match is None:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if match["key"] not in supported:
            raise bad_request(f"field label not supported: {match['key']}")
        operator = "notin" if match["operator"] == "!=" else "in"
        requirements.append(Requirement(match["key"], operator, frozenset({match["value"]})))
    return tuple(requirements)


def field_values(obj: Mapping[str, Any], supported: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The values that a field selector compares; a missing field is an empty string."""
    values = {}
    for field, path in supported.items():
        value: Any = obj
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        values[field] = str(value).lower() if isinstance(value, bool) else str(value or "")
    return values


def matches_label_selector(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy a ``LabelSelector`` object (matchLabels and matchExpressions)."""
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    terms = [
        Requirement(key, "in", frozenset({value}))
        for key, value in (selector.get("matchLabels") or {}).items()
    ] + [
        Requirement(term["key"], operators[term["operator"]], frozenset(term.get("values") or ()))
        for term in selector.get("matchExpressions") or ()
    ]
    return all(term.matches(labels) for term in terms)
