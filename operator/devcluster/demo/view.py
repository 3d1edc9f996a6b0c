"""The table that a person watches: a resource and its Jobs as something to look at. Pure."""

from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from synclog.windows import (
    DAY,
    SECOND,
    Instant,
    Window,
    Windows,
    format_duration,
    parse_time,
)

_CELLS = 90
_LINE = 45
_SHADES = " ░▒▓█"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown."""

    export: dict[str, Any]
    jobs: tuple[dict[str, Any], ...]
    step: str
    """What happens now, in a sentence."""
    now: Instant
    elapsed: float
    """Seconds since the demo began."""


def render(scene: Scene) -> Panel:
    """The whole picture."""
    status = scene.export.get("status") or {}
    parts = Group(_facts(scene, status), Text(""), _bar(scene, status), Text(""), _jobs(scene))
    return Panel(
        parts,
        title=f"[bold]{scene.step}[/]",
        subtitle=f"{scene.elapsed:.0f} s",
        border_style="cyan",
        padding=(1, 2),
    )


def _facts(scene: Scene, status: dict[str, Any]) -> Group:
    totals = status.get("totals") or {}
    coverage = status.get("coverage") or {}
    covered = status.get("coveredUntil")
    lag = (scene.now - parse_time(covered)) // SECOND * SECOND if covered else 0
    resource = {
        "STATUS": status.get("summary") or "-",
        "COVERED-UNTIL": f"{format_duration(max(lag, 0))} ago" if covered else "-",
        "GAPS": str(coverage.get("gapCount", "-")),
        "LAST-RESULT": (status.get("lastRun") or {}).get("reason", "-"),
        "NEXT": (status.get("next") or "-")[11:],
    }
    archive = {
        "WINDOWS": f"{totals.get('windows', 0):,}",
        "EVENTS": f"{totals.get('events', 0):,}",
        "BYTES": f"{totals.get('bytes', 0):,}",
        "STORED": f"{totals.get('storedBytes', 0):,}",
        "LEDGER HEAD": str((status.get("ledger") or {}).get("head", "-")),
    }
    return Group(_row(resource), Text(""), _row(archive))


def _row(cells: dict[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in cells:
        table.add_column(name, header_style="dim", min_width=11, no_wrap=True)
    table.add_row(*cells.values())
    return table


def _bar(scene: Scene, status: dict[str, Any]) -> Text:
    """One cell a day of the last 90: how much of it is exported."""
    covered = Windows(
        Window(parse_time(item["start"]), parse_time(item["end"]))
        for item in (status.get("coverage") or {}).get("intervals", [])
    )
    bar = Text("90 days ago\n", style="dim")
    first = scene.now - _CELLS * DAY
    for cell in range(_CELLS):
        day = Window(first + cell * DAY, first + (cell + 1) * DAY)
        share = (covered & Windows([day])).length / DAY
        shade = _SHADES[min(int(share * (len(_SHADES) - 1) + 0.01), len(_SHADES) - 1)]
        bar.append(shade if share else "·", style="green" if share > 0.98 else "yellow")
        if (cell + 1) % _LINE == 0:
            bar.append("\n")
    bar.append("now", style="dim")
    return bar


def _jobs(scene: Scene) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("JOB", "WINDOWS", "ACTIVE", "DONE", "STATE"):
        table.add_column(name, header_style="dim", no_wrap=True)
    recent = sorted(scene.jobs, key=lambda job: str(job["metadata"].get("creationTimestamp", "")))
    for job in recent[-6:]:
        spec, status = job["spec"], job.get("status") or {}
        table.add_row(
            job["metadata"]["name"],
            str(spec.get("completions", 1)),
            str(status.get("active", 0)),
            str(status.get("succeeded", 0)),
            _state(status),
        )
    return table


def _state(status: dict[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return str(condition["type"])
    return "Running" if status.get("active") else "Pending"
