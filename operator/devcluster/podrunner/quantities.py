"""Kubernetes quantities, such as ``500m``, ``1Gi`` or ``2e3``."""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]+)?(m|[kKMGTPE]i?)?", re.ASCII)
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str) -> Decimal:
    """The number that a quantity stands for.

    Raises:
        ValueError: the text is no quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None or (match[3] or "") not in _UNITS:
        raise ValueError(f"{text!r} is not a quantity such as 500m, 1Gi or 2")
    return Decimal(match[1] + (match[2] or "")) * _UNITS[match[3] or ""]
