"""Runs a command and tells what it took. Run by file, with nothing but the standard library.

The kernel's peak RSS of a process begins with that of the process that it was forked from, so what
is to be measured needs a parent that is smaller than it.
"""

import json
import os
import sys
import time


def main(report: int, command: list[str]) -> int:
    """Write wall and CPU seconds and peak RSS in bytes to a descriptor; returns the exit code."""
    os.set_inheritable(report, False)
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    cost = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss * 1024}
    with os.fdopen(report, "w") as out:
        json.dump(cost, out)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), sys.argv[2:]))
