"""Times as RFC 3339 has them."""

import re
from datetime import datetime

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.,]\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def is_date_time(value: str) -> bool:
    """Whether a string is what Kubernetes takes for ``format: date-time``."""
    if _RFC3339.fullmatch(value) is None:
        return False
    try:
        to_datetime(value)
    except ValueError:
        return False
    return True


def to_datetime(value: str) -> datetime:
    """The moment; what is finer than a microsecond is cut off.

    Raises:
        ValueError: there is no such day or time.
    """
    whole, fraction, zone = value[:19], "", value[19:]
    if zone[:1] in {".", ","}:
        digits = re.match(r"\d+", zone[1:])
        assert digits is not None, "the form is checked before"
        fraction, zone = "." + digits[0][:6].ljust(6, "0"), zone[1 + digits.end() :]
    return datetime.fromisoformat(whole.upper() + fraction + zone.upper())
