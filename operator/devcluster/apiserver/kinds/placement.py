"""Where a pod may run: the rules for affinity and tolerations."""

from collections.abc import Iterator, Mapping
from typing import Any

from devcluster.apiserver.errors import (
    Cause,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from devcluster.apiserver.kinds.labels import key_causes, label_map_causes, value_causes

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_LABEL_OPERATORS = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})
_NODE_OPERATORS = _LABEL_OPERATORS | {"Gt", "Lt"}


def affinity_causes(affinity: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What is wrong with a pod's affinity."""
    node = affinity.get("nodeAffinity") or {}
    where = f"{path}.nodeAffinity"
    if _REQUIRED in node:
        yield from _node_terms_causes(node[_REQUIRED], f"{where}.{_REQUIRED}.nodeSelectorTerms")
    for index, term in enumerate(node.get(_PREFERRED) or ()):
        yield from _weight_causes(term, f"{where}.{_PREFERRED}[{index}]")
        below = f"{where}.{_PREFERRED}[{index}].preference"
        yield from _node_term_causes(term.get("preference") or {}, below)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind) or {}
        for index, term in enumerate(pods.get(_REQUIRED) or ()):
            yield from _pod_term_causes(term, f"{path}.{kind}.{_REQUIRED}[{index}]")
        for index, term in enumerate(pods.get(_PREFERRED) or ()):
            below = f"{path}.{kind}.{_PREFERRED}[{index}]"
            yield from _weight_causes(term, below)
            yield from _pod_term_causes(
                term.get("podAffinityTerm") or {}, f"{below}.podAffinityTerm"
            )


def _weight_causes(term: Mapping[str, Any], path: str) -> Iterator[Cause]:
    weight = term.get("weight", 0)
    if not 1 <= weight <= 100:
        yield invalid_value(f"{path}.weight", weight, "must be in the range 1-100")


def _node_terms_causes(selector: Mapping[str, Any], path: str) -> Iterator[Cause]:
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        yield required(path, "must have at least one node selector term")
    for index, term in enumerate(terms):
        yield from _node_term_causes(term, f"{path}[{index}]")


def _node_term_causes(term: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for index, entry in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = entry.get("operator", ""), entry.get("values") or ()
        yield from _operator_causes(operator, values, where, _NODE_OPERATORS)
        if operator in {"Gt", "Lt"} and len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            yield required(f"{where}.values", detail)
        yield from key_causes(entry.get("key", ""), f"{where}.key")
        for number, value in enumerate(values):
            yield from value_causes(value, f"{where}.values[{number}]")


def _pod_term_causes(term: Mapping[str, Any], path: str) -> Iterator[Cause]:
    selector = term.get("labelSelector") or {}
    labels = selector.get("matchLabels") or {}
    yield from label_map_causes(labels, f"{path}.labelSelector.matchLabels")
    for index, entry in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.labelSelector.matchExpressions[{index}]"
        operator, values = entry.get("operator", ""), entry.get("values") or ()
        yield from _operator_causes(operator, values, where, _LABEL_OPERATORS)
        yield from key_causes(entry.get("key", ""), f"{where}.key")
    key = term.get("topologyKey", "")
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from key_causes(key, f"{path}.topologyKey")


def _operator_causes(
    operator: str, values: Any, path: str, known: frozenset[str]
) -> Iterator[Cause]:
    if operator not in known:
        yield invalid_value(f"{path}.operator", operator, "not a valid selector operator")
    elif operator in {"In", "NotIn"} and not values:
        detail = "must be specified when `operator` is 'In' or 'NotIn'"
        yield required(f"{path}.values", detail)
    elif operator in {"Exists", "DoesNotExist"} and values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield forbidden_field(f"{path}.values", detail)


def toleration_causes(toleration: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What is wrong with one of a pod's tolerations."""
    key, value = toleration.get("key") or "", toleration.get("value") or ""
    effect, operator = toleration.get("effect"), toleration.get("operator") or ""
    if key:
        yield from key_causes(key, f"{path}.key")
    if not key and operator != "Exists":
        yield invalid_value(
            f"{path}.operator",
            operator,
            "operator must be Exists when `key` is empty, which means "
            '"match all values and all keys"',
        )
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid_value(f"{path}.effect", effect or "", detail)
    if operator in {"", "Equal"}:
        yield from value_causes(value, f"{path}.operator")
    elif operator == "Exists":
        if value:
            detail = "value must be empty when `operator` is 'Exists'"
            yield invalid_value(f"{path}.operator", value, detail)
    else:
        yield not_supported(f"{path}.operator", operator, ("Equal", "Exists", "Lt", "Gt"))
    if effect and effect not in {"NoSchedule", "PreferNoSchedule", "NoExecute"}:
        yield not_supported(
            f"{path}.effect", effect, ("NoExecute", "NoSchedule", "PreferNoSchedule")
        )
