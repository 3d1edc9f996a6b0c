"""The past: what the ledger holds, and how the runs so far ended."""

from dataclasses import dataclass

from synclog.api.status import LastRun
from synclog.planning import coverage, history, slots
from synclog.planning.history import Ending, Result
from synclog.planning.intent import Intent
from synclog.planning.model import Observed, Run, RunState
from synclog.windows import Instant, Windows, format_seconds, parse_time


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that has happened, put together from the status and the runs that exist."""

    found: coverage.Known
    endings: tuple[Ending, ...]
    active: tuple[Run, ...]
    finished: tuple[Run, ...]
    """Runs that ended, oldest first."""
    tried: Windows
    """What runs were at that ended without exporting it."""
    accounted: tuple[str, ...]
    last_run: LastRun | None
    last_end: Instant | None
    last_success: str | None
    consecutive_failures: int
    runs: dict[str, int]


def account(observed: Observed, intent: Intent, now: Instant) -> Books:
    """Put together what the ledger holds, and count the runs that ended since the last look."""
    status, runs = observed.status, observed.runs
    told = set(status.accounted_jobs)
    ends = (history.ending(run, now, intent.pending_timeout) for run in runs if run.uid not in told)
    endings = tuple(sorted((end for end in ends if end), key=lambda end: (end.at, end.run.name)))
    over = told | {end.run.uid for end in endings}
    active = tuple(run for run in runs if run.state is RunState.ACTIVE and run.uid not in over)
    finished = sorted(
        (run for run in runs if run.uid in over), key=lambda run: run.finished or run.created
    )
    failures, counts = (
        status.consecutive_failures,
        dict(status.totals.runs if status.totals else {}),
    )
    last_run, last_success = status.last_run, status.last_successful_time
    for end in endings:
        key = f"{end.result.value}/{end.reason}"
        counts[key] = counts.get(key, 0) + 1
        last_run = history.last_run(end)
        failures = 0 if end.result is Result.SUCCEEDED else failures + 1
        if end.result is Result.SUCCEEDED:
            last_success = format_seconds(end.at)
    return Books(
        found=coverage.known(status, [result for run in runs for result in run.results]),
        endings=endings,
        active=active,
        finished=tuple(finished),
        tried=slots.spans(run for run in finished if run.state is not RunState.SUCCEEDED)
        | coverage.failed_gaps(status),
        accounted=tuple(run.uid for run in runs if run.uid in over),
        last_run=last_run,
        last_end=parse_time(last_run.end) if last_run and last_run.end else None,
        last_success=last_success,
        consecutive_failures=failures,
        runs=counts,
    )
