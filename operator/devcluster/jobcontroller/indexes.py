"""Completion indexes as text, the way a Job's status writes them: ``0-3,5``."""

from collections.abc import Iterable


def parse_indexes(text: str, completions: int) -> frozenset[int]:
    """Read ``0-3,5``; indexes from ``completions`` on, and what is no index, are left out."""
    found: set[int] = set()
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            found.update(range(int(first), min(int(last or first) + 1, completions)))
    return frozenset(found)


def format_indexes(indexes: Iterable[int]) -> str:
    """Write indexes in order: three or more neighbours as a range, two as a pair."""
    runs: list[list[int]] = []
    for index in sorted(set(indexes)):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(
        f"{first}" if first == last else f"{first}{',' if last == first + 1 else '-'}{last}"
        for first, last in runs
    )
