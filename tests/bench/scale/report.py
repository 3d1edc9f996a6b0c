"""The figures as text, with their ratios and the goals beside them."""

import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .due import CRON_JOB_CONTROLLER, OPERATOR, Turn, percentile
from .idle import Idle

_MIB = 1 << 20
_NAMES = {OPERATOR: "operator", CRON_JOB_CONTROLLER: "CronJob controller"}
_FIGURES: dict[str, Callable[[Turn], float]] = {
    "first Job after the tick, s": lambda turn: turn.created[0],
    "p50, s": lambda turn: percentile(turn.created, 0.5),
    "p99, s": lambda turn: percentile(turn.created, 0.99),
    "last Job, s": lambda turn: turn.created[-1],
    "last status that says so, s": lambda turn: turn.accounted[-1],
    "API requests": lambda turn: turn.asked,
    "CPU of the process, s": lambda turn: turn.cpu,
    "peak RSS of the process, MiB": lambda turn: turn.peak / _MIB,
}


def tell(*lines: str) -> None:
    """Print, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def machine() -> str:
    """The machine and how busy it is, in one line."""
    info = Path("/proc/meminfo").read_text(encoding="ascii").split()
    memory = int(info[1]) / (1 << 20)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"load average {load}"
    )


def describe_turn(turn: Turn) -> list[str]:
    """One turn in a few lines."""
    lines = [f"{_NAMES[turn.who]}, {turn.count} due at once"]
    lines += [f"  {name:32} {figure(turn):10.2f}" for name, figure in _FIGURES.items()]
    counted = ", ".join(f"{what} {count}" for what, count in turn.requests.most_common())
    lines.append(f"  answered by the API server: {counted}")
    if turn.own_requests is not None:
        own = ", ".join(f"{what} {count}" for what, count in turn.own_requests.most_common())
        lines.append(f"  the operator's own count: {own}")
    return lines


def compare(turns: Sequence[Turn]) -> list[str]:
    """Medians of both over the rounds, and the ratio of the operator to the other."""
    sides = {
        who: [turn for turn in turns if turn.who == who] for who in (OPERATOR, CRON_JOB_CONTROLLER)
    }
    if not all(sides.values()):
        return []
    lines = [f"{'median of the rounds':34} {'operator':>10} {'CronJobs':>10} {'ratio':>8}"]
    for name, figure in _FIGURES.items():
        ours, theirs = (statistics.median(map(figure, side)) for side in sides.values())
        ratio = f"{ours / theirs:8.3f}" if theirs else f"{'-':>8}"
        lines.append(f"  {name:32} {ours:10.2f} {theirs:10.2f} {ratio}")
    lines.append("goal: a ratio of the p99 of at most 0.100")
    return lines


def describe_idle(idle: Idle) -> list[str]:
    """Start-up and rest."""
    lines = [f"{idle.count} exports, none due"]
    for start in idle.starts:
        kind = "first start" if start.first else "restart"
        lines.append(
            f"  {kind:12} {start.seconds:6.1f} s until all were looked at, "
            f"{start.cpu:5.1f} CPU s, {start.requests} requests"
        )
    rest = idle.rest
    lines += [
        (
            f"  at rest      {100 * rest.share:6.2f} % of a core over {rest.seconds:.0f} s, "
            f"RSS {rest.rss / _MIB:.0f} MiB (peak {rest.peak / _MIB:.0f})"
        ),
        (
            f"  one scrape   {rest.scrape_seconds:6.2f} s, {rest.scrape_cpu:.2f} CPU s, "
            f"{rest.scrape_bytes / _MIB:.1f} MiB"
        ),
        "goals: start in 30 s; at rest under 5 % of a core and 250 MiB",
    ]
    return lines
