"""Quantities such as ``500m`` and ``1Gi``: numbers, and Kubernetes' canonical way to write them."""

import re
from decimal import Decimal, InvalidOperation

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([A-Za-z]*|[eE][+-]?\d+)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}

PATTERN_DETAIL = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


class QuantityError(ValueError):
    """The text is no quantity."""


def _parse(text: str) -> tuple[Decimal, str]:
    match = _FORM.fullmatch(text)
    if match is None:
        raise QuantityError(PATTERN_DETAIL)
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix]), suffix
    if suffix in _BINARY:
        return number * 1024 ** _BINARY[suffix], suffix
    try:
        return Decimal(match[1] + suffix), suffix
    except InvalidOperation as error:
        raise QuantityError(PATTERN_DETAIL) from error


def amount(text: str) -> Decimal:
    """The number that a quantity stands for.

    Raises:
        QuantityError: the text is no quantity.
    """
    return _parse(text)[0]


def canonical(text: str) -> str:
    """The quantity as Kubernetes writes it: no fraction, the largest suffix that leaves none.

    Raises:
        QuantityError: the text is no quantity.
    """
    value, suffix = _parse(text)
    if suffix[:1] in {"e", "E"} and suffix not in {"E", "Ei"}:
        return text  # an exponent stays one
    if not value:
        return "0"
    if suffix in _BINARY and abs(value) >= 1024 and value == int(value):
        whole, power = int(value), 0
        while not whole % 1024 and power < len(_BINARY):
            whole, power = whole // 1024, power + 1
        return f"{whole}{['', *_BINARY][power]}"
    for unit, exponent in sorted(_DECIMAL.items(), key=lambda pair: -pair[1]):
        scaled = value.scaleb(-exponent)
        if scaled == int(scaled):
            return f"{int(scaled)}{unit}"
    # Finer than nano: Kubernetes rounds up.
    return f"{int(value.scaleb(9)) + 1}n"
