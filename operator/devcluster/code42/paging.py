"""Which rows a page of the JSON route holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from devcluster.code42.behaviour import Paging
from devcluster.code42.query import BadQueryError


@dataclass(frozen=True, slots=True)
class Page:
    """A page as asked for: its position from 0 on, and its size as the source takes it."""

    position: int
    size: int

    @classmethod
    def parse(cls, parameters: Mapping[str, str], paging: Paging) -> "Page":
        """Read ``page[number]`` and ``page[size]``.

        Raises:
            BadQueryError: a value is no number, or out of range.
        """
        number = _number(parameters, "page[number]", paging.base)
        size = _number(parameters, "page[size]", paging.default_size)
        if paging.below == "first":
            number = max(number, paging.base)
        if number < paging.base:
            raise BadQueryError(f"page[number] must be at least {paging.base}")
        if size < 1 or (size > paging.max_size and paging.oversize == "refuse"):
            raise BadQueryError(f"page[size] must be from 1 to {paging.max_size}")
        position = 0 if paging.ignore_number else number - paging.base
        if paging.repeat_page and position == paging.repeat_page - 1:
            position = max(position - 1, 0)
        return cls(position, min(size, paging.max_size))

    def bounds(self, rows: int, paging: Paging) -> slice:
        """Where in all rows the page lies; empty past the last one."""
        if not paging.short_pages:
            start = self.position * self.size
            return slice(start, min(start + self.size, rows))
        start = 0
        for position in range(self.position):
            start += _short(position, self.size)
        return slice(start, min(start + _short(self.position, self.size), rows))


def _short(position: int, size: int) -> int:
    """The size of a short page: between half and all of what was asked for, never nothing."""
    return max(1, size - (position * 7 + 1) % (size // 2 + 1))


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise BadQueryError(f"{name} must be a whole number")
    return int(text)
