"""The processes of the machine that a test has to answer for."""

from collections import defaultdict
from pathlib import Path


def descendants(ancestor: int) -> list[int]:
    """The children of a process, and theirs. What else runs on the machine is no affair of ours."""
    children = defaultdict(list)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:  # it ended
            continue
        parent = int(told.rpartition(")")[2].split()[1])
        children[parent].append(int(process.name))
    found = children[ancestor].copy()
    for pid in found:  # grows as it goes
        found += children[pid]
    return found
