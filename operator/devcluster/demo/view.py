"""The table that a person watches: a resource and its Jobs as something to look at. Pure."""

from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from synclog.windows import (
    DAY,
    Instant,
    Window,
    Windows,
    format_duration,
    parse_time,
)

_CELLS = 90
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


def _facts(scene: Scene, status: dict[str, Any]) -> Table:
    totals = status.get("totals") or {}
    coverage = status.get("coverage") or {}
    covered = status.get("coveredUntil")
    lag = format_duration(max(scene.now - parse_time(covered), 0)) if covered else "-"
    table = Table(box=None, show_header=True, padding=(0, 3, 0, 0))
    cells = {
        "STATUS": status.get("summary") or "-",
        "COVERED-UNTIL": f"{lag} ago" if covered else "-",
        "GAPS": str(coverage.get("gapCount", "-")),
        "WINDOWS": f"{totals.get('windows', 0):,}",
        "EVENTS": f"{totals.get('events', 0):,}",
        "BYTES": f"{totals.get('bytes', 0):,}",
        "STORED": f"{totals.get('storedBytes', 0):,}",
        "LEDGER": str((status.get("ledger") or {}).get("head", "-")),
        "LAST-RESULT": (status.get("lastRun") or {}).get("reason", "-"),
        "NEXT": (status.get("next") or "-")[11:],
    }
    for name in cells:
        table.add_column(name, header_style="dim")
    table.add_row(*cells.values())
    return table


def _bar(scene: Scene, status: dict[str, Any]) -> Text:
    """One cell a day of the last 90: how much of it is exported."""
    covered = Windows(
        Window(parse_time(item["start"]), parse_time(item["end"]))
        for item in (status.get("coverage") or {}).get("intervals", [])
    )
    bar = Text("90 days ago ", style="dim")
    first = scene.now - _CELLS * DAY
    for cell in range(_CELLS):
        day = Window(first + cell * DAY, first + (cell + 1) * DAY)
        share = (covered & Windows([day])).length / DAY
        shade = _SHADES[min(int(share * (len(_SHADES) - 1) + 0.01), len(_SHADES) - 1)]
        bar.append(shade if share else "·", style="green" if share > 0.98 else "yellow")
    bar.append(" now", style="dim")
    return bar


def _jobs(scene: Scene) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), expand=False)
    for name in ("JOB", "FOR", "WINDOWS", "RUNNING", "DONE", "FAILED", "STATE"):
        table.add_column(name, header_style="dim", no_wrap=True)
    recent = sorted(scene.jobs, key=lambda job: str(job["metadata"].get("creationTimestamp", "")))
    for job in recent[-6:]:
        spec, status = job["spec"], job.get("status") or {}
        table.add_row(
            job["metadata"]["name"],
            job["metadata"].get("labels", {}).get("synclog.dev/purpose", ""),
            str(spec.get("completions", 1)),
            str(status.get("active", 0)),
            str(status.get("succeeded", 0)),
            str(status.get("failed", 0)),
            _state(status),
        )
    return table


def _state(status: dict[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return str(condition["type"])
    return "Running" if status.get("active") else "Pending"
